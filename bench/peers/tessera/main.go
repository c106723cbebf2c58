// Appends to Tessera's POSIX store for a while and prints how many were acknowledged: `appends` in `seconds`.
//
// Each caller adds one entry and waits until its future resolves, which is when the entry is durable and integrated
// into the tree, before it comes back.
package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"flag"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	dir := flag.String("dir", "", "folder of the log, created when it is not there")
	callers := flag.Int("callers", 1, "concurrent callers")
	duration := flag.Duration("duration", time.Second, "how long")
	size := flag.Int("bytes", 400, "size of an event")
	batch := flag.Uint("batch", 0, "how many entries make a batch; as many as there are callers when 0")
	gather := flag.Duration("gather", time.Millisecond, "how long a batch may wait for others")
	flag.Parse()

	// Of one origin and a seed of zeros: a folder is opened again with the same key, and nothing here is secret.
	signer, err := note.NewSigner(signingKey("bench.local/tessera"))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := posix.New(ctx, posix.Config{Path: *dir})
	if err != nil {
		log.Fatal(err)
	}
	if *batch == 0 {
		*batch = uint(*callers)
	}
	// In its favour: no de-duplication, no collection of old partial tiles, and a checkpoint only every second.
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(time.Second).
		WithBatching(*batch, *gather).
		WithPushback(uint(4 * *callers)).
		WithGarbageCollectionInterval(0)
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		log.Fatal(err)
	}

	var appends, numbers atomic.Uint64
	started := time.Now()
	until := started.Add(*duration)
	var group sync.WaitGroup
	for range *callers {
		group.Go(func() {
			value := make([]byte, *size)
			if _, err := rand.Read(value); err != nil {
				log.Fatal(err)
			}
			for time.Now().Before(until) {
				entry := append([]byte{}, value...)
				binary.BigEndian.PutUint64(entry, numbers.Add(1))
				if _, err := appender.Add(ctx, tessera.NewEntry(entry))(); err != nil {
					log.Fatal(err)
				}
				appends.Add(1)
			}
		})
	}
	group.Wait()
	seconds := time.Since(started).Seconds()
	if err := shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	cancel()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"appends": appends.Load(), "seconds": seconds}); err != nil {
		log.Fatal(err)
	}
}

// signingKey is in the form of note.GenerateKey.
func signingKey(name string) string {
	key, _, err := note.GenerateKey(zeros{}, name)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
