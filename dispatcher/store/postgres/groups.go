package postgres

import (
	"cmp"
	"context"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// groups commit each kind of write in batches. Kinds do not wait for each
// other; all lock rows in one order of tables: idempotency, meta, expansions, groups, members, users, devices,
// tokens, cursors, badges, rules, mutes, leases, deliveries, outcomes,
// receipts, counters.
type groups struct {
	acks        *groupcommit.Group[*ackRequest]
	connects    *groupcommit.Group[*connectRequest]
	disconnects *groupcommit.Group[*disconnectRequest]
	changes     *groupcommit.Group[*change]
	confirms    *groupcommit.Group[[]store.EpochChange]
	accepts     *groupcommit.Group[*acceptRequest]
	steps       *groupcommit.Group[*acceptRequest]
	settles     *groupcommit.Group[*settleRequest]
	badges      *groupcommit.Group[*badgeRequest]
	receipts    *groupcommit.Group[*receiptRequest]
}

func newGroups(ctx context.Context, s *Store) groups {
	return groups{
		acks:        group(ctx, s, commitAcks),
		connects:    group(ctx, s, s.commitConnects),
		disconnects: group(ctx, s, s.commitDisconnects),
		changes:     group(ctx, s, commitChanges),
		confirms:    group(ctx, s, commitConfirms),
		accepts:     pipeline(ctx, s, commitAccepts),
		steps:       pipeline(ctx, s, commitAccepts),
		settles:     pipeline(ctx, s, commitSettles),
		badges:      pipeline(ctx, s, commitBadges),
		receipts:    group(ctx, s, commitReceipts),
	}
}

// group commits batches of one kind, each in one transaction. Answers that are
// no trouble of the store belong into the requests, not into the error.
func group[R any](ctx context.Context, s *Store, f func(context.Context, *tx, []R) error) *groupcommit.Group[R] {
	return groupcommit.New(func(batch []R) error {
		return whole(s.inTx(ctx, func(ctx context.Context, t *tx) error { return f(ctx, t, batch) }))
	})
}

// pipeline is group for what sends statements together with those that begin and end the transaction.
func pipeline[R any](ctx context.Context, s *Store, f func(context.Context, *tx, []R) error) *groupcommit.Group[R] {
	return groupcommit.New(func(batch []R) error {
		return whole(s.inPipeline(ctx, func(ctx context.Context, t *tx) error { return f(ctx, t, batch) }))
	})
}

// trouble is why writes of some kind fail; nil when they do not.
func (g groups) trouble() error {
	return cmp.Or(
		g.accepts.Watch().Trouble(), g.steps.Watch().Trouble(), g.settles.Watch().Trouble(), g.changes.Watch().Trouble(),
		g.confirms.Watch().Trouble(), g.connects.Watch().Trouble(), g.disconnects.Watch().Trouble(), g.acks.Watch().Trouble(),
		g.badges.Watch().Trouble(), g.receipts.Watch().Trouble(),
	)
}

func (g groups) close() {
	g.acks.Close()
	g.connects.Close()
	g.disconnects.Close()
	g.changes.Close()
	g.confirms.Close()
	g.accepts.Close()
	g.steps.Close()
	g.settles.Close()
	g.badges.Close()
	g.receipts.Close()
}
