package rules

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Receipt is a receipt that is known to be consistent.
type Receipt struct {
	store.Receipt
	ID   uuid.UUID
	Hash [sha256.Size]byte
}

// NewReceipts checks beforehand what would make a commit fail.
func NewReceipts(receipts []store.Receipt) ([]Receipt, error) {
	out := make([]Receipt, len(receipts))
	for i, r := range receipts {
		id, err := uuid.Parse(r.MessageID)
		if err != nil || id.Version() != 7 {
			return nil, fmt.Errorf("receipt %d: its message id must be a UUIDv7, which begins with its time", i)
		}
		out[i] = Receipt{Receipt: r, ID: id, Hash: sha256.Sum256([]byte(r.Token))}
	}
	return out, nil
}

// Kills reports whether the receipt calls its token dead.
func (r Receipt) Kills() bool { return r.Event == provider.TokenInvalid }

// AttachReceipts puts receipts, which are by push id, to the lines of their devices, oldest first.
func AttachReceipts(lines []store.Trace, receipts map[string][]store.TraceReceipt) {
	for _, of := range receipts {
		slices.SortFunc(of, func(a, b store.TraceReceipt) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Event, b.Event)) })
	}
	for i, l := range lines {
		if l.PushID != "" {
			lines[i].Receipts = receipts[l.PushID]
		}
	}
}
