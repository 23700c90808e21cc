package pushkit

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

const (
	// marketing is the class of a push without a category that the app may use.
	marketing = "MARKETING"
	// marketingPerDay is how many pushes of it a phone gets in a day, perDay how many of all.
	marketingPerDay = 2
	perDay          = 3000
	// maxTTL is the longest time to live, in seconds.
	maxTTL = 1296000
	// maxBody is the largest message without its tokens, in bytes.
	maxBody = 4096
	// maxTokens is how many tokens a request may have.
	maxTokens = 1000
)

// Account is what an app of v1 and a project of v3 have in common in AppGallery Connect.
type Account struct {
	// Categories are those of the self-classification right. A push with any other is marketing.
	Categories []string `json:"categories,omitempty"`
	// Receipts are the configurations of receipts, of which the first is the default.
	Receipts []ReceiptConfig `json:"receipts,omitempty"`
	// RequestsPerSecond is how many requests are taken, 0 for no limit.
	RequestsPerSecond int `json:"requestsPerSecond,omitempty"`
	// MarketingPerDay is how many marketing pushes a phone gets in a day, two if 0.
	MarketingPerDay int `json:"marketingPerDay,omitempty"`
	// Sensitive are words that no push may have.
	Sensitive []string `json:"sensitive,omitempty"`
	// PushDisabled means that Push Kit is not enabled, Penalized that Huawei punishes the app.
	PushDisabled bool `json:"pushDisabled,omitempty"`
	Penalized    bool `json:"penalized,omitempty"`
}

// ReceiptConfig is a configuration of receipts.
type ReceiptConfig struct {
	ID  string `json:"id"`
	URL string `json:"url"`
	// User and Key sign the receipts; both or none.
	User string `json:"user,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Check refuses an account that AppGallery Connect would not take.
func (a Account) Check() error {
	if a.RequestsPerSecond < 0 || a.MarketingPerDay < 0 {
		return adminapi.Invalid("requestsPerSecond and marketingPerDay: must not be negative")
	}
	for _, c := range a.Categories {
		if !known(c) {
			return adminapi.Invalid("categories: %q is none of Push Kit's", c)
		}
	}
	for i, r := range a.Receipts {
		u, err := url.Parse(r.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || (r.User == "") != (r.Key == "") {
			return adminapi.Invalid("receipts[%d]: must have an http or https url, and user and key together or neither", i)
		}
	}
	return nil
}

// categories are those of the self-classification.
func categories() []string {
	return []string{
		"IM", "VOIP", "SUBSCRIPTION", "TRAVEL", "HEALTH", "WORK", "ACCOUNT", "EXPRESS", "FINANCE", "DEVICE_REMINDER", "SYSTEM_REMINDER",
		"MAIL", "PLAY_VOICE", marketing,
	}
}

func known(category string) bool { return slices.Contains(categories(), category) }

// CheckCategory refuses a category that does not exist. One that the app may not use makes the push marketing.
func CheckCategory(category string) *Answer {
	if category != "" && !known(category) {
		return Refuse(WrongParameter, "category: "+category)
	}
	return nil
}

// class is what a push of the category counts as.
func (a Account) class(category string) string {
	if slices.Contains(a.Categories, category) {
		return category
	}
	return marketing
}

func (a Account) marketingLimit() int { return cmp.Or(a.MarketingPerDay, marketingPerDay) }

// Receipt finds the configuration with the id, or the default one, which may be none.
func (a Account) Receipt(id string) (ReceiptConfig, *Answer) {
	if id == "" {
		if len(a.Receipts) == 0 {
			return ReceiptConfig{}, nil
		}
		return a.Receipts[0], nil
	}
	i := slices.IndexFunc(a.Receipts, func(r ReceiptConfig) bool { return r.ID == id })
	if i < 0 {
		return ReceiptConfig{}, Refuse(WrongReceipt, "receipt id: "+id)
	}
	return a.Receipts[i], nil
}

// CheckText refuses texts with sensitive words.
func (a Account) CheckText(texts ...string) *Answer {
	for _, word := range a.Sensitive {
		if strings.Contains(strings.Join(texts, "\n"), word) {
			return Refuse(SensitiveWords, "")
		}
	}
	return nil
}

// checkTokens refuses a list of tokens by its length, and one that names a phone twice.
func checkTokens(tokens []string) *Answer {
	if len(tokens) == 0 || len(tokens) > maxTokens {
		return Refuse(TokenCount, "")
	}
	seen := map[string]bool{}
	for _, t := range tokens {
		if seen[t] {
			return Refuse(WrongParameter, "token: duplicate")
		}
		seen[t] = true
	}
	return nil
}

// checkSize refuses a body that is too long without its tokens, of which each has two quotes and a comma.
func checkSize(body []byte, tokens []string) *Answer {
	size := len(body)
	for _, t := range tokens {
		size -= len(t) + len(`"",`)
	}
	if size > maxBody {
		return Refuse(TooLong, "")
	}
	return nil
}

// CheckSeconds refuses a time to live that is over or too long.
func CheckSeconds(ttl int64) *Answer {
	switch {
	case ttl <= 0:
		return Refuse(WrongTTL, "")
	case ttl > maxTTL:
		return Refuse(WrongParameter, fmt.Sprintf("ttl: at most %d seconds", maxTTL))
	}
	return nil
}

// CheckImage refuses a picture that is not fetched over https.
func CheckImage(link string) *Answer {
	if link != "" && !strings.HasPrefix(link, "https://") {
		return Refuse(WrongParameter, "image: must be an https URL")
	}
	return nil
}
