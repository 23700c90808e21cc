package provider

import (
	"context"
	"sync"
)

// Streams bounds the open requests of a channel row whose vendor takes one phone a request.
type Streams chan struct{}

// NewStreams allows n requests at a time.
func NewStreams(n int) Streams { return make(Streams, n) }

// Each calls do for each of the indexes, in goroutines of its own, and waits. A fault in one of them leaves the others alone.
func (s Streams) Each(ctx context.Context, indexes []int, do func(int)) {
	var calls sync.WaitGroup
	defer calls.Wait()
	for _, i := range indexes {
		s <- struct{}{} // a stream comes free soon: each call ends with its context
		calls.Go(func() {
			defer func() { <-s }()
			contained(ctx, func() { do(i) })
		})
	}
}
