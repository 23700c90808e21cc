package xiaomi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	feedbackPath = "/v1/feedback/fetch_invalid_regids"
	// feedbackHost is that of phones in China; Xiaomi names none for other regions.
	feedbackHost = "https://feedback.xmpush.xiaomi.com"
)

var _ provider.Feedback = (*Provider)(nil)

// feedbackBase is where the list of dead registration ids is; empty means nowhere.
func feedbackBase(row config.Channel, base string) string {
	switch {
	case row.Endpoint.URL != "":
		return base
	case row.Xiaomi.Region == "China":
		return feedbackHost
	}
	return ""
}

// DeadTokens implements provider.Feedback: Xiaomi hands out each dead registration id once.
func (p *Provider) DeadTokens(ctx context.Context) ([]string, message.Outcome) {
	if p.feedback == "" {
		return nil, message.Outcome{}
	}
	a, err := p.ask(ctx, http.MethodGet, p.feedback+feedbackPath, "")
	if err != nil {
		return nil, provider.Unanswered(err)
	}
	o, _ := outcome(a, p.codes, p.now(), p.secret.Reveal())
	if o.Class != message.Accepted {
		return nil, o
	}
	var list struct {
		Data struct {
			List []string `json:"list"`
		} `json:"data"`
	}
	if json.Unmarshal(a.Body, &list) != nil {
		return nil, a.Malformed()
	}
	return list.Data.List, o
}
