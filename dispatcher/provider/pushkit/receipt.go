package pushkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// signatureHeader proves that a callback is Huawei's.
	signatureHeader = "X-HUAWEI-CALLBACK-ID"
	// signatureLife is how far its time may be from ours.
	signatureLife = 10 * time.Minute
	// maxTimestamp is the year 9999, the last that JSON can hold.
	maxTimestamp = 253402300799000
)

// callback is the body of a callback of either version.
type callback struct {
	Statuses []status `json:"statuses"`
}

// status is what became of one push on one phone: version 1 has the first group of fields, version 2 the delivery status.
type status struct {
	Token     string `json:"token"`
	BiTag     string `json:"biTag"`
	RequestID string `json:"requestId"`

	Status    text `json:"status"`
	SubStatus text `json:"subStatus"`
	Timestamp text `json:"timestamp"`

	Delivery struct {
		Result    text `json:"result"`
		SubResult text `json:"subStatus"`
		Timestamp text `json:"timestamp"`
	} `json:"deliveryStatus"`
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

// Receipts reads a callback, after checking its signature if there is a key.
func Receipts(user, key config.Secret, c provider.Callback) ([]provider.Receipt, error) {
	if !key.IsZero() && !signed(user.Reveal(), key.Reveal(), c) {
		return nil, provider.ErrReceiptRefused
	}
	var body callback
	if err := json.Unmarshal(c.Body, &body); err != nil {
		return nil, errors.New("the receipts are not JSON of Huawei's shape")
	}
	if body.Statuses == nil {
		return nil, errors.New("the receipts have no statuses")
	}
	receipts := make([]provider.Receipt, 0, len(body.Statuses))
	for _, s := range body.Statuses {
		if r, ok := s.receipt(); ok {
			receipts = append(receipts, r)
		}
	}
	return receipts, nil
}

// signed checks timestamp, nonce and value of the header: value signs the other two and the user.
func signed(user, key string, c provider.Callback) bool {
	parts := map[string]string{}
	for part := range strings.SplitSeq(c.Header.Get(signatureHeader), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	at, err := strconv.ParseInt(parts["timestamp"], 10, 64)
	if err != nil || c.Now.Sub(time.UnixMilli(at)).Abs() > signatureLife {
		return false
	}
	want := sign(user, key, parts["timestamp"], parts["nonce"])
	return subtle.ConstantTimeCompare([]byte(want), []byte(parts["value"])) == 1
}

func sign(user, key, timestamp, nonce string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + nonce + user))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// receipt is not ok without a token or a status.
func (s status) receipt() (r provider.Receipt, ok bool) {
	code, sub, at := s.Status, s.SubStatus, s.Timestamp
	if code == "" {
		code, sub, at = s.Delivery.Result, s.Delivery.SubResult, s.Delivery.Timestamp
	}
	if s.Token == "" || code == "" || code == "null" {
		return provider.Receipt{}, false
	}
	r = provider.Receipt{
		MessageID: s.BiTag, VendorMessageID: s.RequestID, Token: s.Token,
		Event: provider.Dropped, Code: provider.Words(string(code), s.Token), At: timeOf(at),
	}
	if row, known := statusIndex[r.Code]; known {
		r.Event, r.Reason = row.Event, row.Reason
	}
	if detail := provider.Words(string(sub), s.Token); detail != "" && detail != "null" {
		r.Code += "/" + detail
	}
	return r, true
}

// timeOf is zero when Huawei does not tell.
func timeOf(at text) time.Time {
	ms, err := strconv.ParseInt(string(at), 10, 64)
	if err != nil || ms <= 0 || ms > maxTimestamp {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
