package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// compile builds a one-line Go program for the given environment.
func compile(t *testing.T, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/hello\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "main.go"), "package main\n\nfunc main() { println(\"hello\") }\n")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-o", "hello", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOWORK=off"}, env...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v\n%s", err, out)
	}
	return filepath.Join(dir, "hello")
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// files lists path, kind and mode of everything in the image, and returns the files' contents.
func files(t *testing.T, image v1.Image) (paths []string, contents map[string]string) {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	contents = map[string]string{}
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return paths, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.ModTime.Unix() != 0 {
			t.Errorf("%s has time %v, want the epoch", header.Name, header.ModTime)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, header.FileInfo().Mode().String()+" "+header.Name)
		contents[header.Name] = string(content)
	}
}

func TestRunPushesAndSavesTheSameImage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	dir, binary := t.TempDir(), compile(t)
	certs, archive := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "hello.tar")
	write(t, certs, "some certificates")
	ref := strings.TrimPrefix(server.URL, "http://") + "/offlinepush/hello:dev"

	var out bytes.Buffer
	args := []string{"-binary", binary, "-name", ref, "-certs", certs, "-o", archive, "-push"}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}

	digest, err := name.NewDigest(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatalf("output %q is no digest reference: %v", out.String(), err)
	}
	pushed, err := remote.Image(digest)
	if err != nil {
		t.Fatalf("pulling what was pushed: %v", err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	saved, err := tarball.ImageFromPath(archive, &tag)
	if err != nil {
		t.Fatalf("reading the archive: %v", err)
	}
	for _, image := range []v1.Image{pushed, saved} {
		checkImage(t, image, binary)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".image-*")); len(left) > 0 {
		t.Errorf("temporary files left: %v", left)
	}
}

func checkImage(t *testing.T, image v1.Image, binary string) {
	t.Helper()
	if err := validate.Image(image); err != nil {
		t.Errorf("image is not valid: %v", err)
	}
	paths, contents := files(t, image)
	want := []string{
		"-rwxr-xr-x hello",
		"drwxr-xr-x etc",
		"-rw-r--r-- etc/group",
		"-rw-r--r-- etc/passwd",
		"dtrwxrwxrwx tmp",
		"drwxr-xr-x etc/ssl",
		"drwxr-xr-x etc/ssl/certs",
		"-rw-r--r-- etc/ssl/certs/ca-certificates.crt",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if contents["hello"] != string(program) || contents["etc/ssl/certs/ca-certificates.crt"] != "some certificates" {
		t.Error("the image does not hold the given binary and certificates")
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{config.OS, config.Architecture, config.Config.User, strings.Join(config.Config.Entrypoint, " ")}
	if diff := cmp.Diff([]string{"linux", "arm64", "65532:65532", "/hello"}, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	binary := compile(t)
	var digests []v1.Hash
	for range 2 {
		image, err := build(spec{Binary: binary, Entrypoint: "/hello", User: "1:1", CertsFile: "/does/not/exist"})
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds gave %s and %s", digests[0], digests[1])
	}
}

func TestBuildHoldsTheFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "lib.so.1"), "a library")
	if err := errors.Join(os.Mkdir(filepath.Join(root, "bin"), 0o750), os.Symlink("../lib.so.1", filepath.Join(root, "bin", "lib.so"))); err != nil {
		t.Fatal(err)
	}

	image, err := build(spec{Binary: compile(t), Entrypoint: "/hello", CertsFile: "/does/not/exist", Root: root, StopSignal: "SIGINT"})
	if err != nil {
		t.Fatal(err)
	}

	paths, contents := files(t, image)
	want := []string{"drwxr-x--- bin", "Lrwxrwxrwx bin/lib.so", "-rw------- lib.so.1"}
	if diff := cmp.Diff(want, paths[1:4]); diff != "" || contents["lib.so.1"] != "a library" {
		t.Errorf("files of the folder (-want +got):\n%s\ncontents: %v", diff, contents["lib.so.1"])
	}
	config, err := image.ConfigFile()
	if err != nil || config.Config.StopSignal != "SIGINT" {
		t.Errorf("the image stops with %q, %v, want SIGINT", config.Config.StopSignal, err)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rootEntries(root); err == nil || !strings.Contains(err.Error(), "fifo is no file, folder or link") {
		t.Errorf("a folder with a pipe: %v", err)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	binary, text := compile(t), filepath.Join(t.TempDir(), "script")
	windows := compile(t, "GOOS=windows", "GOARCH=amd64")
	write(t, text, "#!/bin/sh\n")
	tests := map[string]struct {
		args []string
		want string
	}{
		"no binary":     {[]string{"-name", "r.test/a:1", "-push"}, "-binary is required"},
		"no name":       {[]string{"-binary", binary, "-push"}, "-name is required"},
		"no output":     {[]string{"-binary", binary, "-name", "r.test/a:1"}, "give -o FILE, -push or both"},
		"no tag":        {[]string{"-binary", binary, "-name", "r.test/a", "-push"}, "-name:"},
		"no Go binary":  {[]string{"-binary", text, "-name", "r.test/a:1", "-push"}, "is no Go binary"},
		"not for Linux": {[]string{"-binary", windows, "-name", "r.test/a:1", "-push"}, "build it with GOOS=linux"},
		"no registry":   {[]string{"-binary", binary, "-name", "127.0.0.1:1/a:1", "-push"}, "pushing 127.0.0.1:1/a:1"},
		"no directory":  {[]string{"-binary", binary, "-name", "r.test/a:1", "-o", "/does/not/exist/a.tar"}, "saving /does/not/exist/a.tar"},
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), tt.args, io.Discard)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("run(%q) = %v, want an error with %q", tt.args, err, tt.want)
			}
		})
	}
}
