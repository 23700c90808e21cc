package ingress

import (
	"context"
	"net/http"
	"time"

	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// Letters brings back what went wrong for good.
type Letters interface {
	Requeue(ctx context.Context, f store.LetterFilter, limit int) (requeued int64, more bool, err error)
	Restore(ctx context.Context, r report.Restore) (report.Restored, error)
}

func (p *serverPlane) letterRoutes() {
	broken := []int{http.StatusUnprocessableEntity}
	register(p.plane, p.route(route{
		id: "list-dead-letters", method: http.MethodGet, path: "/v1/dead-letters", summary: "List the pushes that finally failed, the newest first",
		description: "Page by page, with the vendor's last answer and what they said. They are kept for retention.deadLetters, at most 100000.",
		errors:      broken,
	}), p.listLetters)
	register(p.plane, p.route(route{
		id: "count-dead-letters", method: http.MethodGet, path: "/v1/dead-letters:count", summary: "Count the pushes that finally failed",
		description: "By channel row, state and reason.", errors: broken,
	}), p.countLetters)
	register(p.plane, p.route(route{
		id: "requeue-dead-letters", method: http.MethodPost, path: "/v1/dead-letters:requeue", summary: "Push up to 1000 dead letters again",
		description: "Each is pushed once more, as long as the message could be at first, to the same device; it is no letter any more. " +
			"Those are left whose device is gone, has no token that works or is another user's now, and those that were taken back. " +
			"backlog_full changes nothing.",
	}), p.requeueLetters)
	register(p.plane, p.route(route{
		id: "purge-dead-letters", method: http.MethodPost, path: "/v1/dead-letters:purge", summary: "Delete up to 1000 dead letters",
		description: "For good. What became of their pushes is still told by trace-message.",
	}), p.purgeLetters)
	register(p.plane, p.route(route{
		id: "restore-quarantine", method: http.MethodPost, path: "/v1/quarantine:restore", summary: "End the quarantine of a channel row's tokens",
		description: "For a wrong credential whose answers were believed: the tokens that were quarantined since a time are good again.",
	}), p.restoreQuarantine)
}

// LetterQuery is a filter as a query. The library sees exported types only.
type LetterQuery struct {
	Channel   string    `query:"channel" maxLength:"63" doc:"Those of this channel row only."`
	State     string    `query:"state" enum:"Failed,Expired,Quarantined" doc:"Those that ended so only."`
	Reason    string    `query:"reason" maxLength:"64" doc:"Those with this reason only, such as Rejected."`
	UserID    string    `query:"userID" maxLength:"64" doc:"Those to this user only."`
	MessageID string    `query:"messageID" maxLength:"64" doc:"Those of this message only."`
	Since     time.Time `query:"since" doc:"Those that failed at this time or later only."`
	Until     time.Time `query:"until" doc:"Those that failed before this time only."`
}

func (q LetterQuery) filter() store.LetterFilter {
	return store.LetterFilter{
		Channel: q.Channel, State: message.State(q.State), Reason: q.Reason, UserID: q.UserID, Message: q.MessageID, Since: q.Since, Until: q.Until,
	}
}

type listLettersInput struct {
	LetterQuery
	Page
}

type listLettersOutput struct{ Body wire.DeadLetters }

func (p *serverPlane) listLetters(ctx context.Context, in *listLettersInput) (*listLettersOutput, error) {
	before, err := after[int64](in.Page)
	if err != nil {
		return nil, err
	}
	found, err := p.deps.Store.Letters(ctx, in.filter(), before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	letters, more := paged(found, in.Page, func(l store.Letter) int64 { return l.ID })
	out := wire.DeadLetters{Letters: make([]wire.DeadLetter, len(letters)), More: more}
	for i, l := range letters {
		out.Letters[i] = letterOf(l)
	}
	return &listLettersOutput{Body: out}, nil
}

func letterOf(l store.Letter) wire.DeadLetter {
	m := wire.MessageOf(message.InboxEntry{Message: l.Message})
	return wire.DeadLetter{
		ID: l.ID, MessageID: m.MessageID, UserID: l.UserID, PushID: l.PushID, Channel: l.Channel, Rule: l.Rule, State: string(l.State),
		Reason: l.Reason, Class: string(l.Class), Code: l.Code, Detail: l.Detail, InDoubt: l.InDoubt, At: l.At,
		Kind: m.Kind, From: m.From, Body: m.Body, Push: m.Push,
	}
}

type countLettersInput struct{ LetterQuery }

type countLettersOutput struct{ Body wire.LetterCounts }

func (p *serverPlane) countLetters(ctx context.Context, in *countLettersInput) (*countLettersOutput, error) {
	found, err := p.deps.Store.CountLetters(ctx, in.filter())
	if err != nil {
		return nil, err
	}
	out := wire.LetterCounts{Counts: make([]wire.LetterCount, len(found))}
	for i, c := range found {
		out.Counts[i] = wire.LetterCount{Channel: c.Channel, State: string(c.State), Reason: c.Reason, Count: c.N}
		out.Total += c.N
	}
	return &countLettersOutput{Body: out}, nil
}

type changeLettersInput struct{ Body wire.ChangeLetters }

// meant are the letters that a change is about, and how many at most.
func (in *changeLettersInput) meant() (store.LetterFilter, int, error) {
	b := in.Body
	f := store.LetterFilter{
		IDs: b.IDs, Channel: b.Channel, State: message.State(b.State), Reason: b.Reason, UserID: b.UserID, Message: b.MessageID,
	}
	if b.Since != nil {
		f.Since = *b.Since
	}
	if b.Until != nil {
		f.Until = *b.Until
	}
	if b.Limit == 0 {
		b.Limit = deadletter.MaxStep
	}
	if !b.All && len(f.IDs) == 0 && f.Channel+string(f.State)+f.Reason+f.UserID+f.Message == "" && f.Since.IsZero() && f.Until.IsZero() {
		return f, 0, &message.FieldError{Field: "all", Problem: "must be true when nothing else says which letters are meant"}
	}
	return f, b.Limit, nil
}

type requeueLettersOutput struct{ Body wire.RequeuedLetters }

func (p *serverPlane) requeueLetters(ctx context.Context, in *changeLettersInput) (*requeueLettersOutput, error) {
	f, limit, err := in.meant()
	if err != nil {
		return nil, err
	}
	n, more, err := p.deps.Letters.Requeue(ctx, f, limit)
	if err != nil {
		return nil, err
	}
	return &requeueLettersOutput{Body: wire.RequeuedLetters{Requeued: n, More: more}}, nil
}

type purgeLettersOutput struct{ Body wire.PurgedLetters }

func (p *serverPlane) purgeLetters(ctx context.Context, in *changeLettersInput) (*purgeLettersOutput, error) {
	f, limit, err := in.meant()
	if err != nil {
		return nil, err
	}
	n, err := p.deps.Store.PurgeLetters(ctx, f, limit)
	if err != nil {
		return nil, err
	}
	return &purgeLettersOutput{Body: wire.PurgedLetters{Purged: n, More: n == int64(limit)}}, nil
}

type restoreInput struct{ Body wire.RestoreQuarantine }

type restoreOutput struct{ Body wire.RestoredQuarantine }

func (p *serverPlane) restoreQuarantine(ctx context.Context, in *restoreInput) (*restoreOutput, error) {
	done, err := p.deps.Letters.Restore(ctx, report.Restore{Channel: in.Body.Channel, Since: in.Body.Since, Retry: in.Body.Retry})
	if err != nil {
		return nil, err
	}
	return &restoreOutput{Body: wire.RestoredQuarantine{Tokens: done.Tokens, Requeued: done.Requeued, More: done.More}}, nil
}
