package rules

import (
	"math"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Before is the time before which the rows of the next page expire, where the last ones come first.
func Before(after message.Delivery) int64 {
	if after.ExpiresAt.IsZero() {
		return math.MaxInt64
	}
	return after.ExpiresAt.UnixMilli()
}
