package storetest

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// The stores that CompareDue compares have so many deliveries.
const (
	FewDeliveries  = 1_000
	ManyDeliveries = 1_000_000
)

// DuePage is how many deliveries a lane reads at a time.
const DuePage = 256

// CompareDue measures what finding the next deliveries to send takes in a store of few and in one of many, by turns, so that
// whatever else the machine does meets both.
func CompareDue(b *testing.B, few, many store.Store) {
	b.Helper()
	next := func(s store.Store) time.Duration {
		start := time.Now()
		now := s.Now()
		due, err := s.Due(b.Context(), store.DueQuery{Channel: "fcm", Priority: message.PriorityMessage, Until: now, Limit: DuePage})
		if err != nil || len(due) != DuePage {
			b.Fatal(len(due), err)
		}
		if _, err := s.NextDueAfter(b.Context(), "fcm", now); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	var ofFew, ofMany time.Duration
	for b.Loop() {
		ofFew += next(few)
		ofMany += next(many)
	}
	b.ReportMetric(float64(ofFew.Microseconds())/float64(b.N), "us-of-1k")
	b.ReportMetric(float64(ofMany.Microseconds())/float64(b.N), "us-of-1M")
	b.ReportMetric(float64(ofMany)/float64(ofFew), "ratio")
	b.ReportMetric(0, "ns/op")
}
