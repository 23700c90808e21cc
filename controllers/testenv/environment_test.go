package testenv

import (
	"path/filepath"
	"testing"
)

func TestMissingBinariesSayTheCure(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(BinariesVariable, folder)
	_, err := binaryFolder("unused")
	checkError(t, err, "kube-apiserver is missing in "+folder+": `make test` builds it")
}

func TestNewestBinariesAreWhereTheScriptSays(t *testing.T) {
	t.Setenv("OFFLINEPUSH_CACHE", "/somewhere")
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := newestBinaries(root)
	if err != nil {
		t.Fatal(err)
	}
	if matched, _ := filepath.Match("/somewhere/k8s/v1.*", folder); !matched {
		t.Errorf("newest binaries are in %s, want a version's folder under /somewhere/k8s", folder)
	}
}

func TestNamespacePrefix(t *testing.T) {
	t.Parallel()
	for test, want := range map[string]string{
		"TestChannel":                        "testchannel-",
		"TestChannel/secret_not found (FCM)": "testchannel-secret-not-found-fcm-",
		"TestAVeryLongNameThatGoesOnBeyondTheFortiethCharact/x": "testaverylongnamethatgoesonbeyondthefort-",
	} {
		if got := namespacePrefix(test); got != want {
			t.Errorf("namespacePrefix(%q) = %q, want %q", test, got, want)
		}
	}
}
