package honor

import (
	"encoding/json"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/callback"
)

// The statuses of receipts, added to 40000000.
const (
	status40000000 = 40000000
	statusData     = 1
	statusArrived  = 2
	statusDisabled = 6
	statusQuota    = 9
)

type report struct {
	link                         string
	status                       int
	app, token, biTag, messageID string
	at                           time.Time
}

// Status is what Honor tells of a message on a phone.
type Status struct {
	Token     string `json:"token"`
	BiTag     string `json:"biTag,omitempty"`
	AppID     string `json:"appid"`
	Status    int    `json:"status"`
	Timestamp int64  `json:"timestamp"`
	RequestID string `json:"requestId"`
}

// calls makes one request of all reports to a URL.
func calls(due []report) []callback.Call {
	var links []string
	statuses := map[string][]Status{}
	for _, r := range due {
		if statuses[r.link] == nil {
			links = append(links, r.link)
		}
		statuses[r.link] = append(statuses[r.link], Status{
			Token: r.token, BiTag: r.biTag, AppID: r.app, Status: r.status, Timestamp: r.at.UnixMilli(), RequestID: r.messageID,
		})
	}
	out := make([]callback.Call, len(links))
	for i, link := range links {
		body, _ := json.Marshal(map[string][]Status{"statuses": statuses[link]}) // Plain texts and numbers always encode.
		out[i] = callback.Call{URL: link, ContentType: "application/json", Body: body}
	}
	return out
}
