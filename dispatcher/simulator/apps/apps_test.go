package apps

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/adminapi"
)

type toy struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

func toys() *Console[toy] {
	return NewConsole(Kind[toy]{
		Vendor: "toys",
		ID:     func(t toy) string { return t.ID },
		Secret: func(t *toy) *string { return &t.Secret },
		Check: func(t toy) error {
			if strings.Contains(t.ID, ",") {
				return adminapi.Invalid("id: must be without comma")
			}
			return nil
		},
	})
}

func TestConsole(t *testing.T) {
	t.Parallel()
	c := toys()
	mux := http.NewServeMux()
	c.Register(mux)
	call := func(method, path, body string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		return w.Code, w.Body.String()
	}
	for _, tt := range []struct {
		method, path, body string
		status             int
		words              string
	}{
		{"POST", "/admin/toys/apps", `{"id":"bear","secret":"honey"}`, 200, `"honey"`},
		{"POST", "/admin/toys/apps", `{"id":"a,b"}`, 400, "without comma"},
		{"POST", "/admin/toys/apps", `{}`, 400, "id must be set"},
		{"POST", "/admin/toys/apps", `{"color":"red"}`, 400, "color"},
		{"GET", "/admin/toys/apps", "", 200, `"secret": "*****"`},
		{"DELETE", "/admin/toys/apps/fox", "", 404, `no app`},
	} {
		if status, text := call(tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(text, tt.words) {
			t.Errorf("%s %s %s: got %d %s", tt.method, tt.path, tt.body, status, text)
		}
	}
	rotated, err := c.Rotate(httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader("")), "bear")
	if err != nil || rotated.(toy).Secret == "honey" || rotated.(toy).Secret == "" {
		t.Errorf("got %+v, %v", rotated, err)
	}
	if err := c.Revoke("bear"); err != nil {
		t.Error(err)
	}
	if a, ok := c.Get("bear"); !ok || a.Secret != "" {
		t.Errorf("after the revocation: %+v, %t", a, ok)
	}
	if a, ok := c.Find(func(a toy) bool { return strings.HasPrefix(a.ID, "b") }); !ok || a.ID != "bear" {
		t.Errorf("found %+v, %t", a, ok)
	}
	if _, ok := c.Find(func(toy) bool { return false }); ok {
		t.Error("found an app that is not there")
	}
	if c.Check("bear") != nil || c.Check("fox") == nil || c.Revoke("fox") == nil {
		t.Error("the console mistakes its apps")
	}
	if status, _ := call("DELETE", "/admin/toys/apps/bear", ""); status != 204 || c.Check("bear") == nil {
		t.Errorf("got %d and the app is still there", status)
	}
}

func TestGrantsRunOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g Grants
		token := g.Issue("bear", "honey", time.Hour)
		if app, secret, ok := g.App(token); !ok || app != "bear" || secret != "honey" {
			t.Errorf("got %q, %q, %t", app, secret, ok)
		}
		time.Sleep(time.Hour) // virtual
		if _, _, ok := g.App(token); ok {
			t.Error("is good after its end")
		}
		token = g.Issue("bear", "honey", time.Hour)
		g.Expire()
		if _, _, ok := g.App(token); ok {
			t.Error("is good after all were ended")
		}
	})
}

func TestQuotaOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q Quota
		app, phone := Limit{Key: "app", Most: 3}, Limit{Key: "phone", Most: 2}
		for n := range 2 {
			if full, ok := q.Take(app, phone); !ok {
				t.Errorf("%d: %s is full", n, full)
			}
		}
		if full, ok := q.Take(app, phone); ok || full != "phone" || q.Used("app") != 2 {
			t.Errorf("got %q, %t and %d used", full, ok, q.Used("app"))
		}
		if _, ok := q.Take(app, Limit{Key: "unlimited"}); !ok {
			t.Error("a limit of 0 must be none")
		}
		time.Sleep(24 * time.Hour) // virtual
		if _, ok := q.Take(app, phone); !ok {
			t.Error("the next day has a new quota")
		}
	})
}

func TestRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r Rates
		if !r.Allow("bear", 2, 2) || r.Allow("bear", 2, 1) || !r.Allow("fox", 2, 1) || !r.Allow("bear", 0, 99) {
			t.Error("each key has its own rate, and 0 is none")
		}
		time.Sleep(time.Second) // virtual
		if !r.Allow("bear", 2, 99) || r.Allow("bear", 2, 1) {
			t.Error("more than the rate takes a full second")
		}
		if !r.Allow("bear", 5, 5) {
			t.Error("a new rate must hold at once")
		}
	})
}

func TestMemory(t *testing.T) {
	t.Parallel()
	var m Memory[int]
	one := func(n int) int { return n + 1 }
	m.Change("a", one)
	if got := m.Change("a", one); got != 2 {
		t.Errorf("got %d, want 2", got)
	}
	for n := range maxKept {
		m.Change(strconv.Itoa(n), one)
	}
	if _, ok := m.Get("a"); ok || len(m.values) != maxKept || len(m.order) != maxKept {
		t.Errorf("keeps %d values in an order of %d", len(m.values), len(m.order))
	}
	if got, ok := m.Get("7"); !ok || got != 1 {
		t.Errorf("got %d, %t", got, ok)
	}
}
