// Command dispatcher binds users to phones and pushes to those who are offline.
// It runs what a PushApp declares; its controller renders the configuration.
// With a command as its first argument it backs the store up or restores it.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // quotas end at midnight of the vendor's zone

	"github.com/offlinepush/operator/dispatcher/backup"
	"github.com/offlinepush/operator/dispatcher/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if args := os.Args[1:]; len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if err := backup.Run(ctx, args, backup.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	serve(ctx)
}

func serve(ctx context.Context) {
	var o server.Options
	flag.StringVar(&o.ConfigPath, "config", backup.DefaultConfig, "the mounted configuration")
	flag.StringVar(&o.DataDir, "data-dir", backup.DefaultDataDir, "the folder of the SQLite store")
	flag.StringVar(&o.TLSDir, "tls-dir", "", "a folder with tls.crt and tls.key for both planes; plain HTTP without it")
	flag.StringVar(&o.DeviceAddr, "device-addr", ":8080", "where phones connect")
	flag.StringVar(&o.ServerAddr, "server-addr", ":8081", "where the app's own servers connect")
	flag.StringVar(&o.AdminAddr, "admin-addr", ":9090", "health, metrics and report")
	flag.StringVar(&o.PeerAddr, "peer-addr", ":8082", "where the app's other dispatchers connect, with store.postgres")
	flag.StringVar(&o.PeerAdvertise, "peer-advertise", os.Getenv("POD_IP"), "the host, or host:port, where they find it; default $POD_IP")
	flag.StringVar(&o.Pod, "pod", cmp.Or(os.Getenv("POD_NAME"), "local"), "this process's name in reports and leases")
	flag.DurationVar(&o.DrainTimeout, "drain-timeout", 15*time.Second, "how long a stop may take")
	flag.BoolVar(&o.AllowLoopbackEndpoints, "allow-loopback-endpoints", false, "let channel endpoints lead to this machine; for tests")
	flag.Parse()
	o.Log = slog.New(slog.NewJSONHandler(os.Stderr, nil))

	if err := server.Run(ctx, o); err != nil {
		o.Log.Error("dispatcher ended", "error", err)
		os.Exit(1)
	}
}
