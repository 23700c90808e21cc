package honor

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/apps"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

// skew is how far a request's timestamp may be off.
const skew = 10 * time.Minute

// send pushes one message to up to 1000 tokens.
func (v *Vendor) send(w http.ResponseWriter, r *http.Request) {
	v.answer(r).write(w)
}

func (v *Vendor) answer(r *http.Request) answer {
	a, no := v.authorized(r)
	if no == nil {
		no = checkTimestamp(r.Header.Get("timestamp"), time.Now())
	}
	if no != nil {
		return *no
	}
	if !v.rates.Allow(a.AppID, a.RequestsPerSecond, 1) {
		return refuse(codeTooFast, "over the QPS of the app")
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return refuse(codeParameter, "the body cannot be read")
	}
	m, tokens, no := readMessage(body)
	traffic.SetTargets(r, tokens...)
	if no == nil {
		no = m.check(a)
	}
	if no != nil {
		return *no
	}
	return v.deliver(a, m, tokens)
}

func checkTimestamp(text string, now time.Time) *answer {
	ms, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return new(refuse(codeNoTimestamp, "timestamp is empty"))
	case err != nil || now.Sub(time.UnixMilli(ms)).Abs() > skew:
		return new(refuse(codeTimestamp, "timestamp is illegal"))
	}
	return nil
}

func (v *Vendor) deliver(a App, m message, tokens []string) answer {
	s := &sent{SendResult: true, RequestID: apps.RandomHex(idBytes), FailTokens: []string{}, ExpireTokens: []string{}}
	for _, token := range tokens {
		handset, ok := v.phones.Lookup(Name, token)
		switch {
		case ok && handset.App() == a.AppID:
			if m.Android.TargetUserType == 1 {
				if _, left := v.quota.Take(apps.Limit{Key: "test " + a.AppID, Most: a.TestQuota}); !left {
					return refuse(codeTestQuota, "the test messages of the day are used up")
				}
			}
			v.push(a, m, s.RequestID, token, handset)
		case strings.HasPrefix(token, tokenPrefix):
			s.ExpireTokens = append(s.ExpireTokens, token)
		default:
			s.FailTokens = append(s.FailTokens, token)
		}
	}
	switch len(s.FailTokens) + len(s.ExpireTokens) {
	case 0:
		return answer{Code: codeOK, Message: "success", Data: s}
	case len(tokens):
		return refuse(codeAllInvalid, "all tokens are invalid")
	}
	return answer{Code: codePartly, Message: "partly succeeded", Data: s}
}

func (v *Vendor) push(a App, m message, id, token string, handset *phone.Handset) {
	tell := func(status int) {
		if a.ReceiptURL != "" {
			v.receipts.Add(report{a.ReceiptURL, status40000000 + status, a.AppID, token, m.Android.BiTag, id, time.Now()})
		}
	}
	p := m.push(id)
	marketing := !m.isData() && p.Category != normal && m.Android.TargetUserType == 0
	if marketing {
		if _, left := v.quota.Take(apps.Limit{Key: "marketing " + token, Most: a.MarketingPerPhone}); !left {
			tell(statusQuota)
			return
		}
	}
	if n := m.Android.Notification; n != nil {
		p.Badge = v.badge(token, n.Badge)
	}
	p.Report = func(e phone.Event) {
		switch e {
		case phone.Delivered:
			if m.isData() {
				tell(statusData)
				return
			}
			tell(statusArrived)
		case phone.Disabled:
			tell(statusDisabled)
		case phone.Clicked: // Honor reports no clicks
		}
	}
	handset.Deliver(p)
}
