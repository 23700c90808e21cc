// Command vendorsim runs the vendor simulator: servers that answer as push
// vendors do, and phones that show what arrives.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		slog.Error("vendorsim failed", "error", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 && args[0] == "certs" {
		return certs(args[1:])
	}
	return serve(args)
}

// certs writes a CA and a certificate for --tls-dir.
func certs(args []string) error {
	flags := flag.NewFlagSet("vendorsim certs", flag.ContinueOnError)
	dir := flags.String("dir", "", "`directory` that receives ca.crt, tls.crt and tls.key")
	hosts := flags.String("host", "localhost,127.0.0.1", "names and addresses of the simulator, separated by commas")
	days := flags.Int("days", 3650, "how many days the certificates hold")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("--dir: must be set")
	}
	made, err := simulator.NewCertificates(strings.Split(*hosts, ","), *days)
	if err != nil {
		return err
	}
	return made.Write(*dir)
}

func serve(args []string) error {
	flags := flag.NewFlagSet("vendorsim", flag.ContinueOnError)
	addr := flags.String("addr", ":8443", "`address` of the vendors, over TLS")
	adminAddr := flags.String("admin-addr", ":8080", "`address` of the phones and consoles, plain HTTP")
	publicURL := flags.String("public-url", "", "`URL` of the vendors for clients, written into service accounts; https://ADDR when absent")
	tlsDir := flags.String("tls-dir", "", "`directory` with ca.crt, tls.crt and tls.key; made in memory when absent")
	accounts := flags.String("accounts", "", "JSON `file` with the vendors' accounts")
	receiptCA := flags.String("receipt-ca", "", "PEM `file` with a CA to trust besides the system's when receipts are posted")
	if err := parse(flags, args); err != nil {
		return err
	}
	options := simulator.Options{
		Addr: *addr, AdminAddr: *adminAddr, PublicURL: *publicURL, TLSDir: *tlsDir,
		Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}
	var err error
	if *accounts != "" {
		if options.Accounts, err = simulator.ReadAccounts(*accounts); err != nil {
			return err
		}
	}
	if options.ReceiptClient, err = receiptClient(*receiptCA); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := simulator.Start(options)
	if err != nil {
		return err
	}
	options.Log.Info("serving", "vendors", server.URL, "admin", server.AdminURL)
	select {
	case err = <-server.Failed():
	case <-ctx.Done():
	}
	return errors.Join(err, server.Close())
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see %s -help", flags.Arg(0), flags.Name())
	}
	return nil
}

func receiptClient(caFile string) (*http.Client, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("--receipt-ca: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--receipt-ca: %s holds no certificate in PEM", caFile)
		}
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		IdleConnTimeout: time.Minute,
	}
	return &http.Client{Transport: transport}, nil
}
