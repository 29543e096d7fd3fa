// Command checker puts what a node published before libraries that nobody here wrote: x/mod's sumdb/note and
// tlog, transparency-dev/merkle, and Tessera's fsck.
//
//	checker log URL|FOLDER VKEY          the whole log: entries, tiles, checkpoint (Tessera's fsck)
//	checker grown OLD-NOTE FOLDER VKEY   the folder's log goes on from an older checkpoint
//	checker proof FILE VKEY              a tlog-proof whose extra data is the record's leaf
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func verifier(vkey string) note.Verifier {
	return must(note.NewVerifier(vkey))
}

// The tree of a signed note, by x/mod's rules for notes.
func openCheckpoint(signed []byte, vkey string) tlog.Tree {
	key := verifier(vkey)
	opened := must(note.Open(signed, note.VerifierList(key)))
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() {
		log.Fatalf("not a checkpoint of %s", key.Name())
	}
	return tlog.Tree{N: must(strconv.ParseInt(lines[1], 10, 64)), Hash: must(tlog.ParseHash(lines[2]))}
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, entry := range entries.Entries {
		out = append(out, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return out, nil
}

func checkLog(place, vkey string) {
	var source fsck.Fetcher = &client.FileFetcher{Root: place}
	if strings.HasPrefix(place, "http:") {
		source = must(client.NewHTTPFetcher(must(url.Parse(place+"/")), nil))
	}
	signed := must(source.ReadCheckpoint(context.Background()))
	tree := openCheckpoint(signed, vkey)
	key := verifier(vkey)
	check(fsck.New(key.Name(), key, source, leafHashes, fsck.Opts{N: 2}).Check(context.Background()))
	fmt.Printf("Tessera's fsck found all %d records and their tiles in order\n", tree.N)
}

// Tiles of a folder for x/mod, which authenticates each against the tree before it uses it.
type folder string

func (f folder) Height() int                    { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func checkGrown(older, place, vkey string) {
	old := openCheckpoint(must(os.ReadFile(older)), vkey)
	tree := openCheckpoint(must(os.ReadFile(filepath.Join(place, "checkpoint"))), vkey)
	path := must(tlog.ProveTree(tree.N, old.N, tlog.TileHashReader(tree, folder(place))))
	check(tlog.CheckTree(path, tree.N, tree.Hash, old.N, old.Hash))
	var hashes [][]byte
	for _, hash := range path {
		hashes = append(hashes, bytes.Clone(hash[:]))
	}
	verify := func() error {
		return proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old.N), uint64(tree.N), hashes, old.Hash[:], tree.Hash[:])
	}
	check(verify())
	if len(hashes) != 0 {
		hashes[0][0] ^= 1
		if verify() == nil {
			log.Fatal("a changed consistency proof was accepted")
		}
	}
	fmt.Printf("x/mod and transparency-dev agree that %d records go on from %d\n", tree.N, old.N)
}

func checkProof(file, vkey string) {
	head, signed, found := strings.Cut(string(must(os.ReadFile(file))), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatal("not a tlog-proof with extra data")
	}
	tree := openCheckpoint([]byte(signed), vkey)
	leaf := must(base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra ")))
	index := must(strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64))
	var path tlog.RecordProof
	var hashes [][]byte
	for _, line := range lines[3:] {
		hash := must(tlog.ParseHash(line))
		path = append(path, hash)
		hashes = append(hashes, bytes.Clone(hash[:]))
	}
	check(tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(leaf)))
	check(proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), uint64(tree.N), rfc6962.DefaultHasher.HashLeaf(leaf), hashes, tree.Hash[:]))
	fmt.Printf("x/mod and transparency-dev agree that record %d of %d is the leaf of the proof\n", index, tree.N)
}

func main() {
	log.SetFlags(0)
	arguments := append(os.Args[1:], make([]string, 4)...)
	switch {
	case arguments[0] == "log" && len(os.Args) == 4:
		checkLog(arguments[1], arguments[2])
	case arguments[0] == "grown" && len(os.Args) == 5:
		checkGrown(arguments[1], arguments[2], arguments[3])
	case arguments[0] == "proof" && len(os.Args) == 4:
		checkProof(arguments[1], arguments[2])
	default:
		log.Fatal("checker log URL|FOLDER VKEY | grown OLD-NOTE FOLDER VKEY | proof FILE VKEY")
	}
}
