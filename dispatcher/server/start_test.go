package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// waits expects a dispatcher that lives, is not ready, and says why.
func (d *dispatcher) waits(t *testing.T, why string) {
	t.Helper()
	eventually(t, "the report says: "+why, func() bool { return strings.Contains(d.store(t).Error, why) })
	if status, _ := d.admin(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	if status, _ := d.admin(t, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", status)
	}
	if got := d.store(t); got.Ready || got.Opening {
		t.Errorf("the report says %+v of the store", got)
	}
}

func (d *dispatcher) works(t *testing.T) {
	t.Helper()
	d.url(t, "ready", "server")
	if status, _ := d.admin(t, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
	eventually(t, "the report says that the store works", func() bool { return d.store(t) == report.Store{Ready: true} })
}

func TestADatabaseThatIsDownAtTheStart(t *testing.T) {
	t.Parallel()
	db := postgrestest.Start(t, postgrestest.Options{})
	name := db.NewDatabase(t)
	if err := db.Shutdown(); err != nil {
		t.Fatal(err)
	}
	d := start(t, document("app-1", db.URI(name)))
	d.waits(t, "opening the store")
	if err := db.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.works(t)
}

func TestAPasswordThatIsCorrected(t *testing.T) {
	t.Parallel()
	db := postgrestest.Start(t, postgrestest.Options{Network: postgrestest.TCP})
	good := db.URI(db.NewDatabase(t))
	wrong, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	wrong.User = url.UserPassword(postgrestest.Superuser, "wrong-password")
	d := start(t, document("app-1", wrong.String()))
	d.waits(t, "password")
	d.configure(t, document("app-1", good))
	d.works(t)
	for _, secret := range []string{"wrong-password", db.Password()} {
		if strings.Contains(d.log.String(), secret) {
			t.Error("the log holds a password")
		}
	}
}

func TestASchemaOfAnotherApp(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t)
	uri := db.URI(db.NewDatabase(t))
	start(t, document("app-1", uri)).works(t)
	d := start(t, document("app-2", uri))
	d.waits(t, "give each app its own schema")
	if !d.store(t).Foreign {
		t.Error("the report does not call the store another app's")
	}
	free := document("app-2", uri)
	free.Store.Postgres.Schema = "other"
	d.configure(t, free)
	d.works(t)
}

func TestADispatcherThatWaitsStopsInGoodOrder(t *testing.T) {
	t.Parallel()
	d := start(t, document("app-1", "postgresql://nobody@127.0.0.1:1/none?sslmode=disable"))
	d.waits(t, "opening the store")
	if err := d.stop(); err != nil {
		t.Error(err)
	}
}

func TestPeersAreNeededWithADatabase(t *testing.T) {
	t.Parallel()
	p := &process{Options: Options{PeerAddr: loopback}, shared: &config.Postgres{}}
	if err := p.openForPeers(t.Context(), &doors{}); err == nil || !strings.Contains(err.Error(), "--peer-advertise: must be set") {
		t.Errorf("got %v", err)
	}
}

func TestAdvertised(t *testing.T) {
	t.Parallel()
	tests := []struct{ to, want string }{
		{"10.0.0.7", "10.0.0.7:8082"},
		{"10.0.0.7:9", "10.0.0.7:9"},
		{"127.0.0.1:0", "127.0.0.1:8082"},
		{"fd00::7", "[fd00::7]:8082"},
		{"[fd00::7]:9", "[fd00::7]:9"},
		{"[fd00::7]:", "[fd00::7]:8082"},
		{"pod.chat.svc", "pod.chat.svc:8082"},
		{"pod.chat.svc:9", "pod.chat.svc:9"},
		{":9", ""},
		{"a:b:c", ""},
	}
	for _, tt := range tests {
		got, err := advertised(tt.to, "[::]:8082")
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: got %q, %v, want %q", tt.to, got, err, tt.want)
		}
	}
}
