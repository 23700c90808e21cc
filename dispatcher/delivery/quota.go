package delivery

import (
	"context"
	"sync"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery/quota"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
)

// spend takes what a call to the targets needs of the vendor's day, and tells those that may be pushed from those for whom
// nothing is left. What ends anyway needs nothing.
func (a *attempt) spend(m message.Message, targets []message.Target) (pass, wait []message.Target) {
	a.taken = quota.Taken{}
	now := a.store.Now()
	if m.Recalled || !now.Before(a.delivery.ExpiresAt) {
		return targets, nil
	}
	doc, _ := a.live.Current()
	n := notification(m, doc.Document, a.sender.row, now)
	a.taken = a.sender.quota.Take(n, priorityOf(m, a.delivery.Priority), len(targets))
	return targets[:a.taken.N], targets[a.taken.N:]
}

// waitForQuota keeps targets for whom nothing is left, which uses up no try. They are looked at once an hour, because others
// may have left something of their part, and at once when the limit is raised.
func (a *attempt) waitForQuota(targets []message.Target) {
	if len(targets) == 0 {
		return
	}
	at := earlier(a.taken.Until, a.store.Now().Add(quotaWait))
	a.retries.add(targets, at, message.Outcome{Class: message.QuotaExhausted, Detail: a.taken.Why})
}

// priorityOf says how much of a vendor's day a push may use: what its class may, but push tests ask whatever is left.
func priorityOf(m message.Message, p message.Priority) quota.Priority {
	if m.Sender == message.PushTestSender {
		return quota.Free
	}
	return quotaPriority(p)
}

func quotaPriority(p message.Priority) quota.Priority {
	switch p {
	case message.PriorityCall:
		return quota.Call
	case message.PriorityBulk:
		return quota.Bulk
	case message.PriorityMessage:
	}
	return quota.Message
}

// openLedger reads what is used up already, and keeps the count until closeLedger.
func (e *Engine) openLedger(ctx context.Context) {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	e.ledger.Load(ctx)
	var books sync.WaitGroup
	books.Go(func() { e.ledger.Run(ctx) })
	e.closeLedger = func() {
		end()
		books.Wait()
	}
}

// quotaOf begins to count a channel row.
func (e *Engine) quotaOf(row config.Channel) *quota.Row {
	var rules provider.QuotaRules
	if e.Quota != nil {
		rules = e.Quota(row.Vendor)
	}
	return e.ledger.Row(row, rules)
}

// withQuotas adds to a row what is left of the vendor's day. A row that has delivered nothing since a class was used up
// says so; what was open then may have been taken before, and be noted after.
func (e *Engine) withQuotas(row report.Channel, l *lane) report.Channel {
	quotas, since := e.ledger.Report(row.Name)
	row.Quotas = quotas
	fine := row.State == report.NoTraffic || row.State == report.Delivering
	if fine && !since.IsZero() && !l.lastAccepted().After(since.Add(callTimeout)) {
		row.State, row.Since = report.QuotaExhausted, since
	}
	return row
}
