package store

import "context"

// Badges keeps the number on the app's icon of the devices that told it. A push
// that raises badges raises these as it is accepted, and every attempt to push
// it sends the same number. A device that changes hands begins at 0; one that
// never told a number has none, and pushes leave its icon as it is.
type Badges interface {
	// SetBadge notes the number that the device shows, with ErrNotFound.
	SetBadge(ctx context.Context, device int64, badge int32) error
	// SetUserBadge notes a number for all devices that are bound to the user, also for those that told none.
	SetUserBadge(ctx context.Context, userID string, badge int32) error
}
