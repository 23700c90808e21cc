package groupcommit_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// BenchmarkGroup compares shared commits with single ones, each with a real
// sync of a file, and reports how many times faster the shared ones are.
func BenchmarkGroup(b *testing.B) {
	f, err := os.CreateTemp(b.TempDir(), "log")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	commit := func(batch []byte) error {
		if _, err := f.Write(batch); err != nil {
			return err
		}
		return f.Sync()
	}
	const singles = 50
	start := time.Now()
	for range singles {
		if err := commit([]byte{0}); err != nil {
			b.Fatal(err)
		}
	}
	single := time.Since(start) / singles
	g := groupcommit.New(commit)
	defer g.Close()
	var callers sync.WaitGroup
	free := make(chan struct{}, groupcommit.MaxBatch)
	b.ReportAllocs()
	for b.Loop() {
		free <- struct{}{}
		callers.Go(func() {
			if err := g.Do(context.Background(), 0); err != nil {
				b.Error(err)
			}
			<-free
		})
	}
	callers.Wait()
	b.ReportMetric(float64(single)/(float64(b.Elapsed())/float64(b.N)), "times-faster")
}
