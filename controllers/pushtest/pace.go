package pushtest

import (
	"slices"
	"time"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

const (
	// A started test is asked about this often at first, and at last.
	firstPoll, lastPoll = time.Second, 5 * time.Second
	// A test that waits for its app or for a dispatcher, likewise.
	firstRetry, lastRetry = time.Second, 30 * time.Second
	// And one that waits for receipts, which are asked for within receiptTime of its end.
	firstReceipt, lastReceipt = 2 * time.Second, time.Minute
	receiptTime               = 10 * time.Minute
	// patience is the part of the time waited so far that the next wait may take.
	patience = 5
)

// asks reports whether a dispatcher has to be asked: for the push, for its results, or for receipts.
func asks(test *pushv1.PushTest, now time.Time) bool {
	if !finished(test) {
		return true
	}
	end := test.Status.CompletionTime
	return end != nil && now.Sub(end.Time) < receiptTime && slices.ContainsFunc(test.Status.Devices, awaitsReceipt)
}

// again is the time until the next pass; 0 means never.
func again(test *pushv1.PushTest, found answer, now time.Time) time.Duration {
	switch {
	case finished(test):
		return afterwards(test, now)
	case found.wait > 0:
		return found.wait
	case found.trouble != nil || test.Status.StartTime == nil:
		return pace(now.Sub(test.CreationTimestamp.Time), firstRetry, lastRetry)
	}
	return pace(now.Sub(test.Status.StartTime.Time), firstPoll, lastPoll)
}

// afterwards is the time until a finished test is asked for receipts or deleted, whatever is first.
func afterwards(test *pushv1.PushTest, now time.Time) time.Duration {
	wait := time.Duration(0)
	if asks(test, now) {
		wait = pace(now.Sub(test.Status.CompletionTime.Time), firstReceipt, lastReceipt)
	}
	if end, ok := expiry(test); ok {
		left := max(end.Sub(now), time.Millisecond)
		if wait == 0 || left < wait {
			wait = left
		}
	}
	return wait
}

// pace backs off with the time that was waited.
func pace(waited, first, last time.Duration) time.Duration {
	return min(max(waited/patience, first), last)
}

// expiry is when a finished test deletes itself, if it does.
func expiry(test *pushv1.PushTest) (time.Time, bool) {
	ttl, end := test.Spec.TTLSecondsAfterFinished, test.Status.CompletionTime
	if ttl == nil || end == nil || !finished(test) {
		return time.Time{}, false
	}
	return end.Add(time.Duration(*ttl) * time.Second), true
}

func expired(test *pushv1.PushTest, now time.Time) bool {
	end, ok := expiry(test)
	return ok && !now.Before(end)
}
