// What sigstore's own verifier says of one of our records: node tlog_entry.js MODULE PROOF VKEY
//
// Covers: the checkpoint as a signed note under the log's key, and the record's inclusion in its tree, by the code that
// checks a Rekor entry. Does not cover: certificates, timestamps and the body of an entry, which ours does not have.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const [module_, file, vkey] = process.argv.slice(2);
const { verifyCheckpoint } = require(path.join(module_, 'dist/tlog/checkpoint.js'));
const { verifyMerkleInclusion } = require(path.join(module_, 'dist/tlog/merkle.js'));

const text = fs.readFileSync(file, 'utf8');
const [head, envelope] = [text.slice(0, text.indexOf('\n\n')), text.slice(text.indexOf('\n\n') + 2)];
const [, extra, index, ...hashes] = head.split('\n');
const [name, id, material] = [vkey.split('+')[0], vkey.split('+')[1], vkey.split('+').slice(2).join('+')];
const raw = Buffer.from(material, 'base64').subarray(1);
const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]);
const log = { logID: Buffer.from(id, 'hex'), baseURL: name, publicKey: crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }) };
const entry = {
  canonicalizedBody: Buffer.from(extra.slice('extra '.length), 'base64'),
  inclusionProof: {
    logIndex: index.slice('index '.length),
    hashes: hashes.map((line) => Buffer.from(line, 'base64')),
    checkpoint: { envelope },
  },
};
const checkpoint = verifyCheckpoint(entry, [log]);
verifyMerkleInclusion(entry, checkpoint);
console.log(`@sigstore/verify holds record ${entry.inclusionProof.logIndex} to be in the tree of ${checkpoint.logSize}`);
