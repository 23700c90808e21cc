package provider

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
)

// aloneAtOnce bounds the requests for single targets that are open together.
const aloneAtOnce = 16

// Alone pushes to each of n targets by itself, a few at a time. Some vendors blame
// the tokens of a request as a whole, and only the answer to a single one proves
// which of them is dead. An answer about the whole channel ends the work and holds
// for the rest.
func Alone(ctx context.Context, n int, push func(i int) message.Outcome, report func(int, message.Outcome)) {
	var (
		calls sync.WaitGroup
		ended atomic.Pointer[message.Outcome]
		slots = NewStreams(aloneAtOnce)
	)
	defer calls.Wait()
	for i := range n {
		slots <- struct{}{} // comes free soon: each call ends with its context
		if o := ended.Load(); o != nil {
			<-slots
			report(i, *o)
			continue
		}
		calls.Go(func() {
			defer func() { <-slots }()
			o := faulty()
			contained(ctx, func() { o = push(i) })
			if concernsChannel(o.Class) && !o.PhoneOnly {
				ended.Store(&o)
			}
			report(i, o)
		})
	}
}

func concernsChannel(c message.Class) bool {
	return c == message.CredentialRejected || c == message.Throttled || c == message.QuotaExhausted
}
