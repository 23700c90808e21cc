package plugin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
)

func TestMistakesAreNamedWithTheirCure(t *testing.T) {
	t.Parallel()
	bed, s := planetest.New(t), newShell(t)
	good := s.at(t, bed.Server, "")
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(elsewhere.Close)
	s.write(t, "empty", "\n")
	s.write(t, "two", "one-key\nanother-key\n")
	s.write(t, "wrong", "wrong-key-of-the-app")
	s.write(t, "nopem", "x")
	s.write(t, "in", exported(1))
	s.write(t, "nocolumn", "userID,vendor,tokens\n")
	s.write(t, "twice", "userID,vendor,token,token\n")
	s.write(t, "missing", "userID,vendor\n")
	s.write(t, "latin", "userID,vendor,token\n\nb\xf6b,FCM,t\n")
	s.write(t, "ragged", "userID,vendor,token\na,b\n")
	change := func(from, to string) []string {
		out := append([]string{}, good...)
		for i, flag := range out {
			if flag == from {
				out[i+1] = to
			}
		}
		return out
	}
	in := []string{"--file", "{in}"}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no server":         {with("export", change("--server", "")), "--server must be a URL"},
		"no scheme":         {with("export", change("--server", "chat-server:80")), "--server must be a URL"},
		"nobody there":      {with("export", change("--server", "http://127.0.0.1:1")), "connection refused; check --server"},
		"not a dispatcher":  {with("export", change("--server", elsewhere.URL)), "not from a dispatcher; check --server"},
		"the device plane":  {with("export", change("--server", bed.Device.URL)), "--server must be the server plane"},
		"plain HTTP":        {with("export", change("--server", strings.Replace(bed.Server.URL, "https", "http", 1))), "check --server"},
		"no key file":       {with("export", change("--server-key-file", "")), "--server-key-file must name a file"},
		"key file is gone":  {with("export", change("--server-key-file", "{gone}")), "--server-key-file: open"},
		"empty key file":    {with("export", change("--server-key-file", "{empty}")), "must hold one key"},
		"two keys":          {with("export", change("--server-key-file", "{two}")), "must hold one key"},
		"another key":       {with("export", change("--server-key-file", "{wrong}")), "the key in --server-key-file is none of the app's"},
		"no CA":             {with("export", change("--ca", "")), "give the CA of the server plane with --ca"},
		"CA is gone":        {with("export", change("--ca", "{gone}")), "--ca: open"},
		"no PEM":            {with("export", change("--ca", "{nopem}")), "holds no certificate in PEM"},
		"no file":           {with("import", good), "--file must name the file to import"},
		"file is gone":      {with("import", good, "--file", "{gone}"), "--file: open"},
		"a folder":          {with("import", good, "--file", s.dir), "must be a regular file"},
		"no such format":    {with("import", good, append(in, "--format", "xml")...), "--format must be ndjson, tokens or csv"},
		"no such time":      {with("import", good, append(in, "--as-of", "yesterday")...), "--as-of must be a time"},
		"former of a table": {with("import", good, append(in, "--format", "csv", "--former", "{in}")...), "--former goes with a complete export"},
		"former is gone":    {with("import", good, append(in, "--former", "{gone}")...), "--former: open"},
		"no such column":    {with("import", good, "--format", "csv", "--file", "{nocolumn}"), "column 3 must be one of userID, vendor, token,"},
		"column twice":      {with("import", good, "--format", "csv", "--file", "{twice}"), "column 4 must be one of"},
		"column missing":    {with("import", good, "--format", "csv", "--file", "{missing}"), "the column token is missing"},
		"columns missing":   {with("import", good, "--format", "csv", "--file", "{ragged}"), "record on line 2: wrong number of fields"},
		"other encoding":    {with("import", good, "--format", "csv", "--file", "{latin}"), "line 3: userID must be valid UTF-8"},
		"nothing to verify": {with("verify", good), "give either --file or --against-server"},
		"two to verify":     {with("verify", good, append(in, "--against-server", "https://x")...), "give either --file or --against-server"},
		"other key":         {with("verify", good, "--against-server", bed.Server.URL), "--against-server-key-file must name"},
		"export to nowhere": {with("export", good, "--file", "{no/such/folder}"), "--file: open"},
		"an argument":       {with("export", good, "x"), "unknown command"},
	} {
		_, said, err := s.try(t, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q\n%s", name, err, tt.want, said)
		}
		if err != nil && strings.Contains(err.Error(), "wrong-key") {
			t.Errorf("%s quotes a key: %v", name, err)
		}
	}
	if len(s.pauses) > 0 {
		t.Errorf("a mistake was tried again: %v", s.pauses)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	for _, command := range []string{"export", "import", "verify"} {
		out, _, err := s.try(t, command, "--help")
		if err != nil {
			t.Fatal(err)
		}
		wants(t, out, "kubectl offlinepush bindings "+command, "--server-key-file")
	}
}
