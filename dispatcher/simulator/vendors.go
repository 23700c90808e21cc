package simulator

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/offlinepush/operator/dispatcher/simulator/apns"
	"github.com/offlinepush/operator/dispatcher/simulator/callback"
	"github.com/offlinepush/operator/dispatcher/simulator/fcm"
	"github.com/offlinepush/operator/dispatcher/simulator/harmonyos"
	"github.com/offlinepush/operator/dispatcher/simulator/honor"
	"github.com/offlinepush/operator/dispatcher/simulator/huawei"
	"github.com/offlinepush/operator/dispatcher/simulator/meizu"
	"github.com/offlinepush/operator/dispatcher/simulator/oppo"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/simulator/vivo"
	"github.com/offlinepush/operator/dispatcher/simulator/webpush"
	"github.com/offlinepush/operator/dispatcher/simulator/xiaomi"
)

// vendor is what the simulator has to know of each vendor.
type vendor interface {
	traffic.Vendor
	// Hosts are the real names of its servers. Where vendors share one, the beginning of their paths follows it.
	Hosts() []string
	// CheckApp tells whether phones can have an app of this name.
	CheckApp(app string) error
	// Issue makes the names of a new installation, Reissue a new token for an old one, Names those of a given token.
	Issue() phone.Names
	Reissue(old phone.Names) string
	Names(token string) (phone.Names, error)
	// RegisterAdmin adds the calls of its console. tokenURI is the address of its token endpoint.
	RegisterAdmin(mux *http.ServeMux, tokenURI string)
	// Revoke takes the credential with this id away, Rotate replaces it and returns the new one.
	Revoke(id string) error
	Rotate(r *http.Request, id string) (any, error)
}

// vendors are all that are simulated.
type vendors struct {
	fcm       *fcm.Vendor
	xiaomi    *xiaomi.Vendor
	huawei    *huawei.Vendor
	harmonyOS *harmonyos.Vendor
	oppo      *oppo.Vendor
	vivo      *vivo.Vendor
	honor     *honor.Vendor
	meizu     *meizu.Vendor
	apns      *apns.Vendor
	webpush   *webpush.Vendor

	byName map[string]vendor
	taps   map[string]*traffic.Tap
	hosts  map[string][]site
}

// site is where a vendor is on a host: at all paths that begin so.
type site struct{ path, vendor string }

func newVendors(phones *phone.Book, post callback.Options) *vendors {
	v := &vendors{byName: map[string]vendor{}, taps: map[string]*traffic.Tap{}, hosts: map[string][]site{}}
	v.fcm = add(v, fcm.Name, fcm.New(phones))
	v.xiaomi = add(v, xiaomi.Name, xiaomi.New(phones, post))
	v.huawei = add(v, huawei.Name, huawei.New(phones, post))
	v.harmonyOS = add(v, harmonyos.Name, harmonyos.New(phones, post))
	v.oppo = add(v, oppo.Name, oppo.New(phones, post))
	v.vivo = add(v, vivo.Name, vivo.New(phones, post))
	v.honor = add(v, honor.Name, honor.New(phones, post))
	v.meizu = add(v, meizu.Name, meizu.New(phones, post))
	production, sandbox := apns.New(phones)
	v.apns = add(v, apns.Name, production)
	add(v, apns.SandboxName, sandbox)
	v.webpush = add(v, webpush.Name, webpush.New(phones))
	return v
}

// add takes a vendor in and returns it.
func add[V vendor](v *vendors, name string, one V) V {
	v.byName[name], v.taps[name] = one, traffic.NewTap(one)
	for _, address := range one.Hosts() {
		host, path, _ := strings.Cut(address, "/")
		v.hosts[host] = append(v.hosts[host], site{"/" + path, name})
	}
	return one
}

// close ends the vendors that post receipts.
func (v *vendors) close() {
	for _, one := range v.byName {
		if c, ok := one.(interface{ Close() }); ok {
			c.Close()
		}
	}
}

// names lists the vendors for messages.
func (v *vendors) names() string {
	names := make([]string, 0, len(v.byName))
	for name := range v.byName {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// hostNames are the real names of all servers.
func (v *vendors) hostNames() []string {
	names := make([]string, 0, len(v.hosts))
	for host := range v.hosts {
		names = append(names, host)
	}
	slices.Sort(names)
	return names
}

// ServeHTTP finds the vendor by its real host name, else by the first part of the path.
func (v *vendors) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if tap, ok := v.atHost(hostOf(r), r.URL.Path); ok {
		tap.ServeHTTP(w, r)
		return
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if tap, ok := v.taps[name]; ok {
		http.StripPrefix("/"+name, tap).ServeHTTP(w, r)
		return
	}
	words := fmt.Sprintf("no vendor at host %q, path %q; use a vendor's host name or a path that begins with one of: %s",
		r.Host, r.URL.Path, v.names())
	http.Error(w, words, http.StatusNotFound)
}

// atHost finds the vendor by a real host name. Google has FCM and its push service at one, Huawei both its Push Kits.
func (v *vendors) atHost(host, path string) (*traffic.Tap, bool) {
	if v.webpush.Takes(host, path) {
		return v.taps[webpush.Name], true
	}
	for _, s := range v.hosts[host] {
		if strings.HasPrefix(path, s.path) {
			return v.taps[s.vendor], true
		}
	}
	return nil, false
}

// hostOf is the name that the client asked for: in the request, else in the TLS handshake.
func hostOf(r *http.Request) string {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "" && r.TLS != nil {
		host = r.TLS.ServerName
	}
	return strings.ToLower(host)
}
