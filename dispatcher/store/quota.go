package store

import (
	"context"
	"time"
)

// Quotas keeps how much of the vendors' daily quotas is used, over all processes of the app.
type Quotas interface {
	// CountQuotas adds to the counts, to each at most once and to all of them or none, and gives those whose day has not
	// ended. A day that is over for two days is forgotten.
	CountQuotas(ctx context.Context, more []QuotaCount) ([]QuotaCount, error)
}

// QuotaCount is what is known of a class of messages on one of the vendor's days.
type QuotaCount struct {
	// Channel is the channel row, Class the vendor's class of messages, and EndsAt the end of the day.
	Channel, Class string
	EndsAt         time.Time
	// Used are the pushes that the vendor took; of an addition, how many more.
	Used int64
	// SpentUntil is until when the vendor says that nothing is left. Zero means that it says nothing; of an addition,
	// that nothing changes.
	SpentUntil time.Time
	// Opened, of an addition, takes the vendor's last SpentUntil back.
	Opened bool
}
