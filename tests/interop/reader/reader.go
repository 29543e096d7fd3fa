// Command reader proves a whole ledger with a client of C2SP tlog-tiles that knows nothing of us.
//
//	reader URL LOG-VKEY WITNESS-VKEY
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A cosignature/v1 key as a note.Verifier: the module makes them from signers only.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	var t uint64
	for _, b := range sig[:8] {
		t = t<<8 | uint64(b)
	}
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", t)), msg...)
	return ed25519.Verify(w.key, signed, sig[8:])
}

func parseWitness(vkey string) witness {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		log.Fatal("not a vkey: ", vkey)
	}
	var hash uint32
	if _, err := fmt.Sscanf(parts[1], "%08x", &hash); err != nil {
		log.Fatal(err)
	}
	material, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(material) != 33 || material[0] != 4 {
		log.Fatal("not a cosignature/v1 key: ", vkey)
	}
	return witness{parts[0], hash, material[1:]}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("reader URL LOG-VKEY WITNESS-VKEY")
	}
	ctx := context.Background()
	fetcher, err := torchwood.NewTileFetcher(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client, err := torchwood.NewClient(fetcher)
	if err != nil {
		log.Fatal(err)
	}
	signed, err := fetcher.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier, parseWitness(os.Args[3])))
	if err != nil {
		log.Fatal(err)
	}
	if len(opened.Sigs) != 2 {
		log.Fatalf("%d signatures verify, want the log's and the witness's", len(opened.Sigs))
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err != nil {
		log.Fatal(err)
	}
	tree := tlog.Tree{N: checkpoint.N, Hash: checkpoint.Hash}
	var read int64
	for index, entry := range client.Entries(ctx, tree, 0) {
		if index != read || len(entry) != 128 || string(entry[:4]) != "TOC1" {
			log.Fatalf("entry %d is not the ledger's record %d", index, read)
		}
		read++
	}
	if err := client.Err(); err != nil {
		log.Fatal(err)
	}
	// The client leaves a partial last bundle to the next call: its records one by one, each with its proof.
	for ; read < tree.N; read++ {
		entry, proof, err := client.Entry(ctx, tree, read)
		if err != nil {
			log.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, read, tlog.RecordHash(entry)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("the Go client proved all %d records under the cosigned root\n", read)
}
