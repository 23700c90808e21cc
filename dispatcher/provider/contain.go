package provider

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// maxFrames bounds what is told of the way to a fault.
const maxFrames = 64

type faultsKey struct{}

// faults tells of the first fault of a call.
type faults struct {
	log  *slog.Logger
	once sync.Once
}

// Contain is the context of a call to vendors' clients that outlives their faults, and logs where the first one was: what
// one vendor answers must not end the pushes of all. Without it a fault ends the process, as in tests of the clients.
func Contain(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, faultsKey{}, &faults{log: log})
}

// contained runs a part of a client. A fault ends that part alone if the context contains it; each goroutine of a client
// needs its own.
func contained(ctx context.Context, do func()) {
	if f, ok := ctx.Value(faultsKey{}).(*faults); ok {
		defer func() {
			if value := recover(); value != nil {
				f.tell(value, frames())
			}
		}()
	}
	do()
}

// tell leaves the value out, because it may hold what the vendor answered.
func (f *faults) tell(value any, stack []string) {
	f.once.Do(func() {
		f.log.Error("the client of a vendor panicked", "type", fmt.Sprintf("%T", value), "stack", stack)
	})
}

// frames are the functions and lines that led to the panic that the caller recovers, the innermost first, without what they
// were called with.
func frames() (stack []string) {
	const own = 4 // runtime.Callers, this function, its caller, and the runtime's
	pcs := make([]uintptr, maxFrames)
	next := runtime.CallersFrames(pcs[:runtime.Callers(own, pcs)])
	for more := true; more; {
		var f runtime.Frame
		f, more = next.Next()
		stack = append(stack, fmt.Sprintf("%s %s:%d", f.Function, filepath.Base(f.File), f.Line))
	}
	return stack
}

// faulty is the outcome of a call that a fault ended: the vendor may have taken it.
func faulty() message.Outcome {
	return message.Outcome{
		Class: message.Unknown, Code: string(wire.CodeInternal),
		Detail: "a fault of the dispatcher's client of this vendor; report the line of the log that says where",
	}
}

// Send lets a client send, and gives one outcome for each target whatever becomes of the client.
func Send(ctx context.Context, p Provider, n Notification, targets []Target) []message.Outcome {
	outcomes := make([]message.Outcome, len(targets))
	contained(ctx, func() { copy(outcomes, p.Send(ctx, n, targets)) })
	for i := range outcomes {
		if outcomes[i].Class == "" {
			outcomes[i] = faulty()
		}
	}
	return outcomes
}

// probe lets a client probe its credential.
func probe(ctx context.Context, p Provider) message.Outcome {
	var o message.Outcome
	contained(ctx, func() { o = p.Probe(ctx) })
	if o.Class == "" {
		return faulty()
	}
	return o
}

// DeadTokens lets a client take its vendor's list of dead tokens. The zero outcome means that there is no such list.
func DeadTokens(ctx context.Context, p Provider) (tokens []string, o message.Outcome) {
	lists, ok := p.(Feedback)
	if !ok {
		return nil, o
	}
	o = faulty()
	contained(ctx, func() { tokens, o = lists.DeadTokens(ctx) })
	return tokens, o
}
