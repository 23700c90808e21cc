package honor

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// status is what Honor reports of a push on a phone.
type status struct {
	Token     string          `json:"token"`
	BiTag     string          `json:"biTag"`
	Status    provider.Number `json:"status"`
	Timestamp provider.Number `json:"timestamp"` // Unix ms
	RequestID string          `json:"requestId"`
}

// UnmarshalJSON implements json.Unmarshaler. It never fails: a strange status is skipped, the others count.
func (s *status) UnmarshalJSON(b []byte) error {
	type plain status
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*s = status(p)
	}
	return nil
}

// Receipts reads a callback of Honor's. It bears no signature: the secret of the URL proves where it comes from.
func Receipts(_ config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	var report struct {
		Statuses []status `json:"statuses"`
	}
	if json.Unmarshal(c.Body, &report) != nil || report.Statuses == nil {
		return nil, errors.New("receipts: the body is not Honor's JSON with a list statuses")
	}
	table := Statuses()
	receipts := make([]provider.Receipt, 0, len(report.Statuses))
	for _, s := range report.Statuses {
		if s.Token == "" || s.Status == "" {
			continue
		}
		r := provider.Receipt{
			MessageID: s.BiTag, VendorMessageID: s.RequestID, Token: s.Token, Code: string(s.Status), Event: provider.Dropped, At: s.at(),
		}
		if known, ok := table[r.Code]; ok {
			r.Event, r.Reason = known.Event, known.Reason
		}
		receipts = append(receipts, r)
	}
	return receipts, nil
}

// at is zero when Honor does not tell.
func (s status) at() time.Time {
	ms, err := strconv.ParseInt(string(s.Timestamp), 10, 64)
	if err != nil || ms <= 0 || ms > maxTimestamp {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// maxTimestamp is the year 9999, the last that JSON can hold.
const maxTimestamp = 253402300799000

// Status is what a status of Honor's receipts means.
type Status struct {
	Event  provider.Event
	Reason string
}

// Statuses are the known statuses of receipts. One that is not here means that the push was dropped.
func Statuses() map[string]Status {
	return map[string]Status{
		"40000001": {provider.Delivered, "The data message reached the app."},
		"40000002": {provider.Delivered, "The notification reached the phone."},
		"40000003": {provider.TokenInvalid, "The app is not installed."},
		"40000004": {provider.TokenInvalid, "The token does not exist."},
		"40000005": {provider.Dropped, "The notification was not shown."},
		"40000006": {provider.Dropped, "The user switched off the app or its notifications."},
		"40000008": {provider.Dropped, "The phone does not support this kind of message."},
		"40000009": {provider.Dropped, "The push repeats another, or the phone's quota of the day is used up."},
		"40000011": {provider.Dropped, "What a tap shall open does not exist."},
		"40000013": {provider.Delivered, "The phone holds it until its screen is on."},
		"40000014": {provider.Dropped, "The push is for another user of the phone."},
		"40000015": {provider.Dropped, "The phone failed to show it."},
	}
}
