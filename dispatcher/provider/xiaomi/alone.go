package xiaomi

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/offlinepush/operator/dispatcher/message"
)

// aloneAtOnce bounds the requests for single targets that are open together.
const aloneAtOnce = 16

// deliverAlone pushes to each token by itself. Xiaomi blamed the tokens of a
// request as a whole (20301 and its like), and only the answer to a single one
// proves which of them is dead. An answer about the whole channel ends the work
// and holds for the rest.
func (p *Provider) deliverAlone(ctx context.Context, form url.Values, tokens []string, report func(int, message.Outcome)) {
	var (
		calls sync.WaitGroup
		ended atomic.Pointer[message.Outcome]
		slots = make(chan struct{}, aloneAtOnce)
	)
	defer calls.Wait()
	for i, token := range tokens {
		slots <- struct{}{} // comes free soon: each call ends with its context
		if o := ended.Load(); o != nil {
			<-slots
			report(i, *o)
			continue
		}
		calls.Go(func() {
			defer func() { <-slots }()
			o, bad := p.push(ctx, form, []string{token})
			o = single(o, bad[token])
			if concernsChannel(o.Class) {
				ended.Store(&o)
			}
			report(i, o)
		})
	}
}

func concernsChannel(c message.Class) bool {
	return c == message.CredentialRejected || c == message.Throttled || c == message.QuotaExhausted
}
