// Appends to immudb's embedded store for a while and prints how many were acknowledged: `appends` in `seconds`.
//
// Each caller commits one transaction with one value and waits until it is synced before it comes back.
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

	"github.com/codenotary/immudb/embedded/logger"
	"github.com/codenotary/immudb/embedded/store"
)

func main() {
	dir := flag.String("dir", "", "folder of the store, created when it is not there")
	callers := flag.Int("callers", 1, "concurrent callers")
	duration := flag.Duration("duration", time.Second, "how long")
	size := flag.Int("bytes", 400, "size of an event")
	gather := flag.Duration("gather", 0, "how long a commit may wait for others before it is synced")
	flag.Parse()

	// In its favour: values in the transaction log (one sync fewer a commit), and as many commits prepared at once,
	// and waiting, as there are callers.
	atOnce := max(*callers, store.DefaultMaxConcurrency)
	options := store.DefaultOptions().
		WithSynced(true).
		WithSyncFrequency(*gather).
		WithEmbeddedValues(true).
		WithMaxConcurrency(atOnce).
		WithMaxActiveTransactions(2 * atOnce).
		WithMaxWaitees(4 * atOnce).
		WithLogger(logger.NewSimpleLoggerWithLevel("immudb", os.Stderr, logger.LogError))
	opened, err := store.Open(*dir, options)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	var appends, keys atomic.Uint64
	var run [8]byte
	if _, err := rand.Read(run[:]); err != nil {
		log.Fatal(err)
	}
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
				number := keys.Add(1)
				binary.BigEndian.PutUint64(value, number)
				tx, err := opened.NewWriteOnlyTx(ctx)
				if err != nil {
					log.Fatal(err)
				}
				key := binary.BigEndian.AppendUint64(append([]byte{}, run[:]...), number)
				if err := tx.Set(key, nil, value); err != nil {
					log.Fatal(err)
				}
				// AsyncCommit waits for the commit, which is synced, and not for the index over it.
				if _, err := tx.AsyncCommit(ctx); err != nil {
					log.Fatal(err)
				}
				appends.Add(1)
			}
		})
	}
	group.Wait()
	seconds := time.Since(started).Seconds()
	if err := opened.Close(); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"appends": appends.Load(), "seconds": seconds}); err != nil {
		log.Fatal(err)
	}
}
