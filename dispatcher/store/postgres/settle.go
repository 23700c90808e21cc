package postgres

import (
	"context"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/packed"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// settleRequest is one call of a batch and its answer.
type settleRequest struct {
	settlements []store.Settlement
	err         error
}

// Settle implements store.Store. All settlements of one call succeed or fail together.
func (s *Store) Settle(ctx context.Context, settlements []store.Settlement) error {
	if len(settlements) == 0 {
		return nil
	}
	r := &settleRequest{settlements: settlements}
	if err := s.settles.Do(ctx, r); err != nil {
		return explain(err)
	}
	return r.err
}

// settling is one batch on its way.
type settling struct {
	*tx
	rows    map[int64]settledRow
	changed map[int64]bool
	// split are the parts that become rows of their own.
	split   []splitRow
	ledger  *ledger
	letters letterRows
	answers answers
}

// settledRow is a delivery with what is left of it: without targets it has ended.
type settledRow struct {
	rules.Row
	last    message.Outcome // the vendor's, before the batch
	damaged error
	counted int // targets before the batch
	retry   store.Retry
}

// splitRow is a part of a delivery that becomes a row of its own.
type splitRow struct {
	from int64
	rules.Kept
}

// keep leaves the first part as the row that it was, and gives the others back.
func (r *settledRow) keep(kept []rules.Kept) (split []splitRow) {
	r.Targets, r.retry = nil, store.Retry{}
	for i, k := range kept {
		if i == 0 {
			r.Targets, r.retry = k.Stored, k.Retry
			continue
		}
		split = append(split, splitRow{r.ID, k})
	}
	return split
}

func commitSettles(ctx context.Context, t *tx, batch []*settleRequest) error {
	st := &settling{
		tx: t, rows: map[int64]settledRow{}, changed: map[int64]bool{}, ledger: newLedger(), answers: answers{},
	}
	if err := st.read(ctx, batch); err != nil {
		return err
	}
	for _, r := range batch {
		r.err = st.settle(r.settlements)
	}
	return st.write(ctx)
}

// settle applies one call to the rows, or leaves them as they are.
func (st *settling) settle(settlements []store.Settlement) error {
	changed := map[int64]settledRow{}
	type result struct {
		row    settledRow
		target packed.Target
		store.TargetResult
	}
	var results []result
	var split []splitRow
	for _, s := range settlements {
		row, ok := changed[s.DeliveryID]
		if !ok {
			row = st.rows[s.DeliveryID]
		}
		if row.damaged != nil {
			return row.damaged
		}
		if len(row.Targets) == 0 { // not ours, or settled by somebody, so that it is not ours either
			return fmt.Errorf("delivery %d: %w", s.DeliveryID, store.ErrLeaseLost)
		}
		kept, ended, err := row.Split(s)
		if err != nil {
			return err
		}
		for i, d := range s.Done {
			results = append(results, result{row, ended[i], d})
		}
		split = append(split, row.keep(kept)...)
		changed[row.ID] = row
	}
	st.split = append(st.split, split...)
	maps.Copy(st.rows, changed)
	for id := range changed {
		st.changed[id] = true
	}
	for _, r := range results {
		st.answers.add(r.row.Channel, r.TargetResult)
		st.letters.add(r.row, r.target, r.TargetResult)
		st.ledger.end(outcome{
			message: r.row.Message, user: r.target.User, device: r.target.Device, channel: r.row.Channel,
			rule: r.row.Rule, state: r.State, reason: r.Reason, vendor: r.Outcome, inDoubt: r.InDoubt,
		})
	}
	return nil
}

const lockRows = `SELECT delivery_id, message_id, channel, rule, targets, last_class, last_code, last_detail FROM @.deliveries
	WHERE delivery_id = ANY($2::bigint[])
		AND (owner = $1 OR owner IN (SELECT incarnation FROM @.leases WHERE heir = $1))
	ORDER BY delivery_id FOR UPDATE`

// read locks the rows that this process may write: none without a lease that lives.
func (st *settling) read(ctx context.Context, batch []*settleRequest) error {
	var ids []int64
	for _, r := range batch {
		for _, s := range r.settlements {
			ids = append(ids, s.DeliveryID)
		}
	}
	alive := false
	own := st.store.incarnation.Load()
	b := st.batch()
	b.add(lockLease, own).Query(func(rows pgx.Rows) error {
		alive = rows.Next()
		return rows.Err()
	})
	b.add(lockRows, own, ids).Query(st.scan)
	err := st.run(ctx, b)
	if !alive {
		clear(st.rows)
	}
	return err
}

func (st *settling) scan(rows pgx.Rows) error {
	var id int64
	var of uuid.UUID
	var channel, rule string
	var targets []byte
	var last message.Outcome
	_, err := pgx.ForEachRow(rows, []any{&id, &of, &channel, &rule, &targets, &last.Class, &last.Code, &last.Detail}, func() error {
		row := settledRow{Row: rules.Row{ID: id, Message: of, Channel: channel, Rule: rule}, last: last}
		var err error
		if row.Targets, err = packed.Decode(targets); err != nil {
			row.damaged = fmt.Errorf("delivery %d: %w", id, err)
		}
		row.counted = len(row.Targets)
		st.rows[id] = row
		return nil
	})
	return err
}
