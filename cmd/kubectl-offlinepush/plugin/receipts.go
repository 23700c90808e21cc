package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

func newReceiptURLs(s Streams) *cobra.Command {
	var c cluster
	cmd := &cobra.Command{
		Use:   "receipt-urls APP",
		Short: "Show where each channel row's vendor reports what became of pushes",
		Long: `Show where each channel row's vendor reports what became of pushes, for its console.

A URL holds a secret: whoever has it can report in the vendor's name. It stays the same as long as the app, the row's name and
the Secret <app>-keys do. The command reads the Secret with the app's configuration, which it needs the right to get.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := c.config(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return receiptURLs(s.Out, doc)
		},
	}
	c.flags(cmd)
	return cmd
}

// cluster is a Kubernetes cluster as the flags name it.
type cluster struct{ kubeconfig, context, namespace string }

func (c *cluster) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kubeconfig, "kubeconfig", "", "kubeconfig file; that of kubectl when empty")
	cmd.Flags().StringVar(&c.context, "context", "", "context of the kubeconfig; the current one when empty")
	cmd.Flags().StringVarP(&c.namespace, "namespace", "n", "", "namespace of the PushApp; that of the context when empty")
}

// config reads the configuration that the app's dispatchers run.
func (c *cluster) config(ctx context.Context, app string) (*config.Document, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.kubeconfig
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.context}
	overrides.Context.Namespace = c.namespace
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	rest, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	rest.Timeout = requestTimeout
	client, err := corev1client.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	name := render.NamesOf(app).Dispatcher
	secret, err := client.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s/%s: %w; check the app's name and --namespace, and that PushApp %s is Ready", namespace, name, err, app)
	}
	doc, _, err := config.Parse(secret.Data[config.FileName])
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s/%s: %s: %w", namespace, name, config.FileName, err)
	}
	return doc, nil
}

// errNoExternalURL tells what is missing for a receipt URL.
var errNoExternalURL = errors.New("the app has no spec.exposure.externalURL, so that vendors cannot reach it: set it, then run the command again")

func receiptURLs(out io.Writer, doc *config.Document) error {
	if doc.ExternalURL == "" {
		return errNoExternalURL
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	_, _ = fmt.Fprintln(table, "CHANNEL\tVENDOR\tRECEIPT URL") // Flush tells what goes wrong.
	for _, row := range doc.Channels {
		url := "none: " + row.Vendor + " reports nothing of pushes"
		if _, err := catalog.Receipts(row, provider.Callback{}); !errors.Is(err, provider.ErrNoReceipts) {
			url = doc.ReceiptURL(row.Name).Reveal()
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", row.Name, row.Vendor, url)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the URLs: %w", err)
	}
	return nil
}
