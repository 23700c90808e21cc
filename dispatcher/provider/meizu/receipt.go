package meizu

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// detail is what Meizu reports of one push and some of its phones.
type detail struct {
	Param   string          `json:"param"`
	Type    provider.Number `json:"type"`
	Targets []string        `json:"targets"`
}

// UnmarshalJSON implements json.Unmarshaler. It never fails: a strange detail is skipped, the others count.
func (d *detail) UnmarshalJSON(b []byte) error {
	type plain detail
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*d = detail(p)
	}
	return nil
}

// Receipts reads a callback of Meizu's: a form with JSON in cb and the token of the console in access_token.
func Receipts(row config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	if row.Meizu == nil {
		return nil, errors.New("meizu: must be set for vendor Meizu")
	}
	form, err := url.ParseQuery(string(c.Body))
	if err != nil {
		return nil, errors.New("receipts: the body is not a form")
	}
	if want := row.Meizu.ReceiptToken.Reveal(); want != "" && subtle.ConstantTimeCompare([]byte(form.Get("access_token")), []byte(want)) != 1 {
		return nil, provider.ErrReceiptRefused
	}
	var details map[string]detail
	if json.Unmarshal([]byte(form.Get("cb")), &details) != nil || details == nil {
		return nil, errors.New("receipts: the field cb is not Meizu's JSON")
	}
	receipts := []provider.Receipt{}
	for key, d := range details {
		receipts = append(receipts, d.receipts(key)...)
	}
	return receipts, nil
}

// receipts are those of one key, MSGID-TYPE. A type that no document knows tells nothing.
func (d detail) receipts(key string) (receipts []provider.Receipt) {
	at := strings.LastIndexByte(key, '-')
	if at < 0 {
		return nil
	}
	r := provider.Receipt{MessageID: d.Param, VendorMessageID: key[:at], Code: string(d.Type)}
	if r.Code == "" {
		r.Code = key[at+1:]
	}
	switch r.Code {
	case "1":
		r.Event, r.Reason = provider.Delivered, "The notification reached the phone."
	case "2":
		r.Event, r.Reason = provider.Clicked, "The user tapped on the notification."
	default:
		return nil
	}
	for _, target := range d.Targets {
		if target != "" {
			r.Token = target
			receipts = append(receipts, r)
		}
	}
	return receipts
}
