package rules

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
)

// Dies reports whether a target's end leaves a dead letter: what failed for good or was not possible in time, and what
// the vendor refused because of the token, which a restore may bring back. A push to a token that was in quarantine
// before leaves none, or there would be one for every message to every phone whose app is deleted. Nor does a test.
func Dies(rule string, d store.TargetResult) bool {
	if rule == message.RulePushTest {
		return false
	}
	switch d.State {
	case message.Failed, message.Expired:
		return true
	case message.Quarantined:
		return d.Outcome.Class == message.InvalidToken
	case message.Handed, message.Suppressed, message.Cancelled, message.Pending:
	}
	return false
}

// LastWord is the vendor's answer of a letter: that of the call that ended it, or the last one before.
func LastWord(d store.TargetResult, before message.Outcome) message.Outcome {
	if d.Outcome.Class != "" {
		return d.Outcome
	}
	return before
}

// LetterRange is a LetterFilter with its open ends closed, for queries that begin in an index.
type LetterRange struct {
	store.LetterFilter
	First, Last  int64 // the ids
	Since, Until int64 // Unix milliseconds
	// Of is the message; the zero one means all.
	Of uuid.UUID
}

// NewLetterRange closes the ends; before is the letter that all must be older than, 0 for none. Of an id that is no
// message's there are no letters, which ok tells.
func NewLetterRange(f store.LetterFilter, before int64) (r LetterRange, ok bool) {
	r = LetterRange{LetterFilter: f, Last: math.MaxInt64, Since: math.MinInt64, Until: math.MaxInt64}
	if len(f.IDs) > 0 {
		r.First, r.Last = slices.Min(f.IDs), slices.Max(f.IDs)
	}
	if before > 0 {
		r.Last = min(r.Last, before-1)
	}
	if !f.Since.IsZero() {
		r.Since = f.Since.UnixMilli()
	}
	if !f.Until.IsZero() {
		r.Until = f.Until.UnixMilli()
	}
	if f.Message != "" {
		id, err := uuid.Parse(f.Message)
		if err != nil {
			return r, false
		}
		r.Of = id
	}
	return r, true
}

// LetterContent are the columns of a letter's message, in the order of MessageRow: of letter l, and m or k of its message.
const LetterContent = `l.message_id, coalesce(m.kind, k.kind, ''), coalesce(m.detail, k.detail), coalesce(m.sender, k.user_id, ''),
	coalesce(m.body, k.body, ''), coalesce(m.push, k.push), coalesce(m.created_at, k.created_at, 0),
	coalesce(m.push_expires_at, k.push_expires_at, 0), m.recalled_at`

// LetterColumns are those of letter l with user u and device d, in the order of LetterRow, before LetterContent.
const LetterColumns = `l.letter_id, coalesce(u.user_id, ''), coalesce(d.push_id, ''), l.channel, l.rule, l.state, l.reason, l.class, l.code,
	l.detail, l.in_doubt, l.at, ` + LetterContent

// LetterRow takes one row of LetterColumns.
type LetterRow struct {
	letter  store.Letter
	at      int64
	content MessageRow
}

// Dest are the places to scan the row into.
func (r *LetterRow) Dest() []any {
	l := &r.letter
	return append([]any{
		&l.ID, &l.UserID, &l.PushID, &l.Channel, &l.Rule, &l.State, &l.Reason, &l.Class, &l.Code, &l.Detail, &l.InDoubt, &r.at,
	}, r.content.Dest()...)
}

// Result is the letter of a scanned row.
func (r *LetterRow) Result() (l store.Letter, err error) {
	l = r.letter
	l.At = time.UnixMilli(r.at).UTC()
	if l.Message, err = r.content.Result(); l.Message.Kind == "" || l.Message.Recalled {
		l.Message = message.Message{ID: l.Message.ID, Recalled: l.Message.Recalled}
	}
	return l, err
}

// Requeue is a letter on its way back into the queue.
type Requeue struct {
	ID            int64
	Message       uuid.UUID
	Channel, Rule string
	Target        packed.Target
	// TTL is how long the message may be pushed, in milliseconds.
	TTL int64
}

// RequeueChunk is a delivery to be.
type RequeueChunk struct {
	Message       uuid.UUID
	Channel, Rule string
	Targets       []packed.Target
	Due, Expires  int64
}

// RequeueChunks makes deliveries of letters, which are due at once and live as long as the message did.
func RequeueChunks(letters []Requeue, now int64) (chunks []RequeueChunk) {
	type kind struct {
		message       uuid.UUID
		channel, rule string
		ttl           int64
	}
	of := map[kind][]packed.Target{}
	for _, l := range letters {
		k := kind{l.Message, l.Channel, l.Rule, l.TTL}
		of[k] = append(of[k], l.Target)
	}
	order := func(a, b kind) int {
		return cmp.Or(slices.Compare(a.message[:], b.message[:]), cmp.Compare(a.channel, b.channel), cmp.Compare(a.rule, b.rule))
	}
	for _, k := range slices.SortedFunc(maps.Keys(of), order) {
		for targets := range slices.Chunk(of[k], message.MaxTargets) {
			chunks = append(chunks, RequeueChunk{k.message, k.channel, k.rule, targets, now, now + max(k.ttl, minRequeueTTL)})
		}
	}
	return chunks
}

// minRequeueTTL is the shortest time that a letter gets, in milliseconds.
const minRequeueTTL = 60_000

// RequeuePriority is the class of what is pushed again: there may be much of it, and it is late in any case.
const RequeuePriority = message.PriorityBulk

// Delivery is the stored chunk as this process's lane takes it.
func (c RequeueChunk) Delivery(id int64) message.Delivery {
	return message.Delivery{
		ID: id, MessageID: c.Message.String(), Channel: c.Channel, Priority: RequeuePriority, Targets: packed.Plain(c.Targets),
		DueAt: time.UnixMilli(c.Due).UTC(), ExpiresAt: time.UnixMilli(c.Expires).UTC(),
	}
}

// Bound is how many rows stay; 0 is no bound.
func Bound(most int64) int64 {
	if most == 0 {
		return math.MaxInt64
	}
	return most
}
