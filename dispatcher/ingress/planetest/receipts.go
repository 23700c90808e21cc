package planetest

import (
	"encoding/json"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// report is a provider.Receipt as the bed's vendors send it.
type report struct {
	MessageID       string         `json:"messageID"`
	VendorMessageID string         `json:"vendorMessageID"`
	Token           string         `json:"token"`
	Event           provider.Event `json:"event"`
	Code            string         `json:"code"`
	Reason          string         `json:"reason"`
	At              time.Time      `json:"at"`
}

// Callback is what a vendor of the bed posts to report receipts.
func Callback(receipts ...provider.Receipt) []byte {
	reports := make([]report, len(receipts))
	for i, r := range receipts {
		reports[i] = report(r)
	}
	b, _ := json.Marshal(reports) // Texts and times of this age always encode.
	return b
}

// ReadReceipts reads a Callback.
func ReadReceipts(_ config.Channel, c provider.Callback) ([]provider.Receipt, error) {
	var reports []report
	if err := json.Unmarshal(c.Body, &reports); err != nil {
		return nil, err
	}
	receipts := make([]provider.Receipt, len(reports))
	for i, r := range reports {
		receipts[i] = provider.Receipt(r)
	}
	return receipts, nil
}
