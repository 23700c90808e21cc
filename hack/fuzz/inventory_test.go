package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// parsers are the functions that read foreign bytes, by their packages' names in the code.
func parsers() map[string][]string {
	return map[string][]string{
		"json": {"Unmarshal", "NewDecoder"}, "strict": {"Unmarshal", "Check"}, "asn1": {"Unmarshal"}, "pem": {"Decode"}, "csv": {"NewReader"},
		"x509": {"ParseCertificate", "ParseECPrivateKey", "ParsePKCS8PrivateKey"}, "tls": {"LoadX509KeyPair", "X509KeyPair"},
		"url": {"Parse", "ParseQuery"}, "pgxpool": {"ParseConfig"}, "jwt": {"NewParser", "ParseECPrivateKeyFromPEM", "ParseRSAPrivateKeyFromPEM"},
		"http": {"ParseTime"}, "yaml": {"Unmarshal"}, "xml": {"Unmarshal", "NewDecoder"}, "gzip": {"NewReader"},
	}
}

// found is what the code has.
type found struct {
	targets map[string]bool
	parsing map[string]string // package: the first call that parses
}

func read(t *testing.T) found {
	t.Helper()
	out := found{map[string]bool{}, map[string]string{}}
	for _, top := range []string{"api", "cmd", "controllers", "dispatcher", "hack"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(path))
			out.add(filepath.ToSlash(folder), strings.HasSuffix(path, "_test.go"), file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (f found) add(folder string, isTest bool, file *ast.File) {
	if isTest {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				f.targets[folder+"."+fn.Name.Name] = true
			}
		}
		return
	}
	if strings.HasPrefix(folder, "hack/") {
		return // our own tools and tests
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if from, ok := s.X.(*ast.Ident); ok && slices.Contains(parsers()[from.Name], s.Sel.Name) && f.parsing[folder] == "" {
				f.parsing[folder] = from.Name + "." + s.Sel.Name
			}
		}
		return true
	})
}

// TestEveryTargetRuns: no fuzz function is left out by make fuzz, and each has seeds that are checked in.
func TestEveryTargetRuns(t *testing.T) {
	t.Parallel()
	code := read(t)
	known := map[string]bool{}
	for _, target := range Targets() {
		if known[target.String()] {
			t.Errorf("%s is in the inventory twice", target)
		}
		known[target.String()] = true
		if !code.targets[target.String()] {
			t.Errorf("%s is in the inventory, and %s has no such function", target, target.Package)
		}
		if target.Parser == "" || target.From == "" {
			t.Errorf("%s: say what it parses, and from whom", target)
		}
		seeds, err := os.ReadDir(filepath.Join(root, target.Package, "testdata", "fuzz", target.Name))
		if err != nil || len(seeds) == 0 {
			t.Errorf("%s has no seeds in testdata/fuzz/%s", target, target.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(code.targets)) {
		if !known[name] {
			t.Errorf("%s runs nowhere: add it to hack/fuzz/inventory.go", name)
		}
	}
}

// TestEveryParserHasATarget: a package that begins to parse gets a target, or says which one reaches it.
func TestEveryParserHasATarget(t *testing.T) {
	t.Parallel()
	code := read(t)
	fuzzed := map[string]bool{}
	for _, target := range Targets() {
		fuzzed[target.Package] = true
	}
	elsewhere := Elsewhere()
	for _, folder := range slices.Sorted(maps.Keys(code.parsing)) {
		if !fuzzed[folder] && elsewhere[folder] == "" {
			t.Errorf("%s calls %s and has no fuzz target: write one and add it to hack/fuzz/inventory.go", folder, code.parsing[folder])
		}
	}
	for folder, reason := range elsewhere {
		if code.parsing[folder] == "" || fuzzed[folder] {
			t.Errorf("%s needs no reason such as %q any more", folder, reason)
		}
	}
}

// TestMakeFuzzIsPartOfTheCI: the inventory is no list on paper.
func TestMakeFuzzIsPartOfTheCI(t *testing.T) {
	t.Parallel()
	for file, line := range map[string]string{"Makefile": "\tgo run ./hack/fuzz -time $(FUZZTIME)\n", ".ci/run": "\nstage fuzz make fuzz\n"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil || !strings.Contains(string(text), line) {
			t.Error(fmt.Errorf("%s does not have %q: %w", file, line, err))
		}
	}
}
