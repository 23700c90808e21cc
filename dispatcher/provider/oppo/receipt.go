package oppo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// report is one element of a callback.
type report struct {
	MessageID string          `json:"messageId"`
	TaskID    string          `json:"taskId"`
	Tokens    string          `json:"registrationIds"`
	Time      json.RawMessage `json:"eventTime"` // a number or text
	Param     string          `json:"param"`
	Type      string          `json:"eventType"`
}

// Receipts reads a callback: a JSON array of events, each of which names the phones that it is about. OPPO signs nothing,
// so the secret in the URL is the only proof.
func Receipts(_ config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	var reports []report
	body := bytes.TrimSpace(c.Body)
	if bytes.HasPrefix(body, []byte("{")) {
		body = append(append([]byte("["), body...), ']')
	}
	if err := json.Unmarshal(body, &reports); err != nil {
		return nil, errors.New("body: is not the JSON array that OPPO posts")
	}
	var receipts []provider.Receipt
	for _, r := range reports {
		receipts = append(receipts, r.receipts()...)
	}
	return receipts, nil
}

func (r report) receipts() []provider.Receipt {
	one := provider.Receipt{
		MessageID:       r.Param,
		VendorMessageID: cmp.Or(r.MessageID, r.TaskID), // the same for a push to named phones
		Code:            provider.Words(r.Type),
		At:              provider.Millis(provider.Scalar(r.Time)),
	}
	one.Event, one.Reason = event(r.Type)
	return one.ForTokens(r.Tokens)
}

// event says what a type of event means. One that is not known means no good.
func event(kind string) (provider.Event, string) {
	switch kind {
	case "push_arrive":
		return provider.Delivered, "The push reached the phone."
	case "regid_invalid":
		return provider.TokenInvalid, "The registration id is dead. The app registers its new id when it starts."
	case "user_daily_limit":
		return provider.Dropped, "The phone has had its pushes of this class for today. Give chat messages a category of communication and service (category)."
	}
	return provider.Dropped, ""
}
