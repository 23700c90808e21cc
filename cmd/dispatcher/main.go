// Command dispatcher binds users to phones and pushes to those who are offline.
// It runs what a PushApp declares; its controller renders the configuration.
package main

import (
	"cmp"
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // quotas end at midnight of the vendor's zone

	"github.com/offlinepush/operator/dispatcher/server"
)

func main() {
	var o server.Options
	flag.StringVar(&o.ConfigPath, "config", "/etc/offlinepush/config.json", "the mounted configuration")
	flag.StringVar(&o.DataDir, "data-dir", "/var/lib/offlinepush", "the folder of the SQLite store")
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

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := server.Run(ctx, o); err != nil {
		o.Log.Error("dispatcher ended", "error", err)
		os.Exit(1)
	}
}
