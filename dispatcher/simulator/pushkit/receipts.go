package pushkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
)

// The statuses of receipts.
const (
	delivered     = 0
	disabled      = 6
	tooMany       = 102
	marketingFull = 256
)

// maxStatuses is how many statuses a receipt may have.
const maxStatuses = 100

type report struct {
	config ReceiptConfig
	status any
}

func (s *Service) report(m Message, token string, status int) {
	if m.Receipt.URL != "" {
		s.receipts.Add(report{m.Receipt, m.Status(token, status)})
	}
}

// calls makes the requests of reports: for each configuration as many as its statuses need.
func calls(due []report) (out []callback.Call) {
	statuses := map[ReceiptConfig][]any{}
	var configs []ReceiptConfig
	for _, d := range due {
		if !slices.Contains(configs, d.config) {
			configs = append(configs, d.config)
		}
		statuses[d.config] = append(statuses[d.config], d.status)
	}
	for _, c := range configs {
		for some := range slices.Chunk(statuses[c], maxStatuses) {
			body, _ := json.Marshal(map[string]any{"statuses": some}) // Plain texts and numbers always encode.
			out = append(out, callback.Call{URL: c.URL, ContentType: "application/json", Header: c.sign(time.Now()), Body: body})
		}
	}
	return out
}

// sign makes the header that proves who posts, if there is a key.
func (c ReceiptConfig) sign(now time.Time) http.Header {
	if c.Key == "" {
		return nil
	}
	timestamp, nonce := strconv.FormatInt(now.UnixMilli(), 10), apps.RandomHex(16)
	mac := hmac.New(sha256.New, []byte(c.Key))
	mac.Write([]byte(timestamp + nonce + c.User))
	value := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	header := http.Header{}
	header.Set("X-HUAWEI-CALLBACK-ID", fmt.Sprintf("timestamp=%s; nonce=%s; value=%s", timestamp, nonce, value))
	return header
}
