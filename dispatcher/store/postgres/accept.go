package postgres

import (
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// acceptRequest is one request of a batch and its answer.
type acceptRequest struct {
	*rules.Accept
	result store.AcceptResult
	// first is the request of the same batch that this one repeats.
	first *acceptRequest
}

// Accept implements store.Store.
func (s *Store) Accept(ctx context.Context, reqs []store.AcceptRequest) []store.AcceptResult {
	results := make([]store.AcceptResult, len(reqs))
	accepts := make([]*acceptRequest, 0, len(reqs))
	index := make([]int, 0, len(reqs)) // of each accept's request
	for i, r := range reqs {
		checked, err := rules.NewAccept(r)
		if err != nil {
			results[i].Err = err
			continue
		}
		index = append(index, i)
		accepts = append(accepts, &acceptRequest{Accept: checked})
	}
	for i, err := range s.accepts.DoAll(ctx, accepts) {
		if err != nil {
			results[index[i]] = store.AcceptResult{Err: explain(err)}
			continue
		}
		results[index[i]] = accepts[i].result
	}
	return results
}

// accepting is one batch on its way: claim, place, write, a round trip each.
type accepting struct {
	*tx
	batch []*acceptRequest
	// claims are the first requests of each idempotency key, by their key.
	claims map[idempotencyKey]*acceptRequest
	// fresh are the keys that nobody had used.
	fresh   map[idempotencyKey]bool
	pending int64
	// calls are the versions of those that change, before the batch and then behind each request.
	calls map[string]int64
	// repeated are answered from what is stored, refused leave nothing behind.
	accepted, repeated, refused []*acceptRequest
	users                       map[string]rules.Place
	// badges are those of the devices that have one, before the batch and then behind each request.
	badges map[badged]int32
	// known are the messages that the batch takes back or edits, and whether that is possible still.
	known map[uuid.UUID]bool
	many
}

type idempotencyKey struct{ sender, client string }

func (r *acceptRequest) key() idempotencyKey {
	return idempotencyKey{r.Message.Sender, r.ClientID}
}

func commitAccepts(ctx context.Context, t *tx, batch []*acceptRequest) error {
	a := &accepting{
		tx: t, batch: batch, claims: map[idempotencyKey]*acceptRequest{}, fresh: map[idempotencyKey]bool{},
		users: map[string]rules.Place{}, badges: map[badged]int32{}, known: map[uuid.UUID]bool{}, calls: map[string]int64{}, many: newMany(),
	}
	for _, r := range batch {
		r.result, r.first = store.AcceptResult{}, nil
		if r.ClientID == "" {
			continue
		}
		if r.first = a.claims[r.key()]; r.first == nil {
			a.claims[r.key()] = r
		}
	}
	if err := a.claim(ctx); err != nil {
		return err
	}
	a.decide()
	if err := a.place(ctx); err != nil {
		return err
	}
	if err := a.write(ctx); err != nil {
		return err
	}
	for _, r := range batch {
		if r.first != nil {
			r.repeat()
		}
	}
	return nil
}

// decide tells apart what is accepted, in the order of the batch.
func (a *accepting) decide() {
	for _, r := range a.batch {
		switch {
		case r.ClientID != "" && !a.fresh[r.key()]:
			r.first = nil
			a.repeated = append(a.repeated, r)
		case r.first != nil: // is answered like the first
		default:
			if r.result.Err = a.refuse(r); r.result.Err != nil {
				a.refused = append(a.refused, r)
				continue
			}
			a.pending += r.Targets
			a.takeBack(r)
			r.advance(a.calls)
			a.accepted = append(a.accepted, r)
		}
	}
}

// refuse is why a request is not accepted; nil means that it is.
func (a *accepting) refuse(r *acceptRequest) error {
	if err := cmp.Or(a.refuseChange(r), a.refuseStale(r), r.Fits(a.pending)); err != nil {
		return err
	}
	return a.admit(r)
}

// repeat answers a request like the first one of its batch.
func (r *acceptRequest) repeat() {
	switch {
	case r.Hash != r.first.Hash:
		r.result = store.AcceptResult{Err: store.ErrConflict}
	case r.first.result.Err != nil:
		r.result = store.AcceptResult{Err: r.first.result.Err}
	default:
		r.result = store.AcceptResult{MessageID: r.first.result.MessageID, Duplicate: true, Seqs: r.first.result.Seqs}
	}
}

// errPruned is the answer to a repetition at the moment at which the first one is forgotten.
var errPruned = errors.New("the first request with this id has just been forgotten; send it again")

// answer gives repeated requests the first one's answer.
func (a *accepting) answer(found map[idempotencyKey]*firstRequest) {
	for _, r := range a.repeated {
		switch f := found[r.key()]; {
		case f == nil:
			r.result = store.AcceptResult{Err: errPruned}
		case string(f.hash) != string(r.Hash[:]):
			r.result = store.AcceptResult{Err: store.ErrConflict}
		default:
			r.result = store.AcceptResult{MessageID: f.id.String(), Duplicate: true, Seqs: f.seqs}
		}
	}
}

// places is how many a request takes in the inbox of each recipient.
func (r *acceptRequest) places() int64 {
	if r.InInbox() {
		return 1
	}
	return 0
}

// counted are the users of the batch, with the messages for each.
func (a *accepting) counted() map[string]int64 {
	counts := map[string]int64{}
	for _, r := range a.accepted {
		for _, userID := range r.Recipients {
			counts[userID] += r.places()
		}
	}
	return counts
}

// next gives a request its places, behind those of the requests before it.
func (a *accepting) next(r *acceptRequest) map[string]rules.Place {
	places := make(map[string]rules.Place, len(r.Recipients))
	for _, userID := range r.Recipients {
		p := a.users[userID]
		p.Seq += r.places()
		a.users[userID] = p
		if !r.InInbox() {
			p.Seq = 0
		}
		places[userID] = p
	}
	return r.PlusOutside(places)
}

// rows collects what the accepted requests write, and answers them.
func (a *accepting) rows() *acceptRows {
	rows := &acceptRows{crowded: map[int64]int64{}, ledger: newLedger()}
	for _, r := range a.accepted {
		places := a.next(r)
		r.result = store.AcceptResult{MessageID: r.ID.String(), Seqs: rules.Seqs(places)}
		if r.Step == nil {
			rows.messages.add(r)
		}
		for _, userID := range r.Recipients {
			if p := places[userID]; r.InInbox() {
				rows.addEntry(p, r.ID)
			}
		}
		rows.rules.add(r, places)
		for _, c := range r.Chunks(places, a.nextBadges(r)) {
			rows.deliveries.add(r, c)
		}
		for _, s := range r.Suppressed {
			rows.ledger.end(outcome{
				message: r.ID, user: places[s.UserID].User, device: s.Device, rule: s.Reason, state: message.Suppressed, reason: s.Reason,
			})
		}
		if n := r.Admitted(); n > 0 {
			rows.ledger.counts[rules.Admitted] += n
		}
	}
	return rows
}

// acceptRows are the columns of the tables that an accept adds to.
type acceptRows struct {
	messages   messageRows
	inbox      inboxRows
	crowded    map[int64]int64 // the last place by user
	rules      ruleRows
	deliveries deliveryRows
	ledger     *ledger
}

func (a *acceptRows) addEntry(p rules.Place, id [16]byte) {
	a.inbox.add(p.User, p.Seq, id)
	if rules.Crowds(p.Seq) {
		a.crowded[p.User] = p.Seq
	}
}

type messageRows struct {
	ids              [][16]byte
	kinds            []string
	senders, bodies  []string
	details, pushes  []*string
	created, expires []int64
}

func (m *messageRows) add(r *acceptRequest) {
	m.ids, m.kinds, m.details = append(m.ids, r.ID), append(m.kinds, string(r.Message.Kind)), append(m.details, r.Detail)
	m.senders, m.bodies, m.pushes = append(m.senders, r.Message.Sender), append(m.bodies, r.Message.Body), append(m.pushes, r.Push)
	m.created, m.expires = append(m.created, millis(r.Message.CreatedAt)), append(m.expires, millis(r.Message.PushExpiresAt))
}

type inboxRows struct {
	users, seqs []int64
	messages    [][16]byte
}

func (i *inboxRows) add(user, seq int64, id [16]byte) {
	i.users, i.seqs, i.messages = append(i.users, user), append(i.seqs, seq), append(i.messages, id)
}

type deliveryRows struct {
	requests        []*acceptRequest
	chunks          []rules.Chunk
	messages        [][16]byte
	channels, rules []string
	priorities      []int16
	targets         [][]byte
	counts          []int32
	dues, expires   []int64
}

func (d *deliveryRows) add(r *acceptRequest, c rules.Chunk) {
	d.requests, d.chunks = append(d.requests, r), append(d.chunks, c)
	d.messages, d.channels, d.rules = append(d.messages, r.ID), append(d.channels, c.Channel), append(d.rules, c.Rule)
	d.priorities = append(d.priorities, int16(c.Priority))                                                     //nolint:gosec // There are three.
	d.targets, d.counts = append(d.targets, packed.Encode(c.Targets)), append(d.counts, int32(len(c.Targets))) //nolint:gosec // At most message.MaxTargets.
	d.dues, d.expires = append(d.dues, millis(c.DueAt)), append(d.expires, millis(r.Message.PushExpiresAt))
}

// answer gives each request its stored rows, in their order.
func (d *deliveryRows) answer(ids []int64) {
	for i, id := range ids {
		r := d.requests[i]
		r.result.Deliveries = append(r.result.Deliveries, r.Delivery(id, d.chunks[i]))
	}
}
