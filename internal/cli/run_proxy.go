package cli

import (
	"errors"
	"slices"
	"strings"
	"time"

	"lyncpin/internal/lab"
	"lyncpin/internal/peer"
	"lyncpin/internal/topology"
	"lyncpin/scenarios"
)

// allProducts is the word for every product that can be started.
const allProducts = "all"

// throughProxies are the scenarios of the arguments with each product in the place of the lab's own proxy. Without arguments:
// all healthy deployments, and the mistakes that people make with the product.
func (a *app) throughProxies(products []string, args []string) ([]scenarios.Scenario, error) {
	if slices.Equal(products, []string{allProducts}) {
		if products = a.installed(); len(products) == 0 {
			return nil, hint(errors.New("none of the products that can be started is installed"), "leave --proxy out: the lab then runs a reverse proxy of its own")
		}
	}
	for _, product := range products {
		if product == allProducts {
			return nil, usage("--proxy %s stands alone: it is every product that is installed", allProducts)
		}
		if strings.HasPrefix(product, atPrefix) {
			return nil, usage("--proxy %s stands alone: one run is about one proxy at an address, or about products", product)
		}
		if err := startable(product, append(peer.Products(), allProducts)); err != nil {
			return nil, err
		}
	}
	var all []scenarios.Scenario
	for _, product := range products {
		list, err := a.throughProduct(product, args)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// configHold is how long a silent long poll is held through somebody's configuration, in the deployment's time, which runs fast: as
// long as it takes until one that nothing cuts ends by itself.
const configHold = 200 * time.Second

// throughConfiguration is a healthy deployment behind a product with the configuration in a file.
func (a *app) throughConfiguration(args []string, opts runOptions) ([]scenarios.Scenario, error) {
	if len(opts.proxy) != 1 || opts.proxy[0] == allProducts || isAt(opts.proxy) {
		return nil, usage("--config %s needs to know its product: --proxy nginx, for instance", opts.config)
	}
	product := opts.proxy[0]
	if err := startable(product, peer.Products()); err != nil {
		return nil, err
	}
	text, err := readFile(opts.config)
	if err != nil {
		return nil, err
	}
	t := topology.Healthy()
	if opts.at.topology != "" {
		if t, err = opts.at.deployment(); err != nil {
			return nil, err
		}
	}
	s := scenarios.Deployment("deployment", t, configHold)
	s.Kind, s.AnyFound = scenarios.KindBaseline, false // it is healthy, so that what is found is the configuration's
	list := []scenarios.Scenario{s}
	if len(args) > 0 {
		if list, err = a.scenarios(args); err != nil {
			return nil, err
		}
	}
	return scenarios.Through(product, &lab.Candidate{Product: product, Text: string(text)}, list), nil
}

// installed are the products that are there; of the others it is said that they are not.
func (a *app) installed() []string {
	return slices.DeleteFunc(peer.Products(), func(product string) bool {
		_, err := peer.Find(product)
		if err != nil {
			a.env.say("skipped: %v", err)
		}
		return err != nil
	})
}

// startable tells whether the product of --proxy, one of the words, can be started.
func startable(product string, words []string) error {
	if !slices.Contains(peer.Products(), product) {
		return unknownWord("--proxy", "product", product, words)
	}
	if _, err := peer.Find(product); err != nil {
		return hint(err, "install it, or leave --proxy out: the lab then runs a reverse proxy of its own")
	}
	return nil
}

func (a *app) throughProduct(product string, args []string) ([]scenarios.Scenario, error) {
	candidate := &lab.Candidate{Product: product}
	if len(args) == 0 {
		baselines, err := scenarios.Match([]string{scenarios.KindBaseline})
		if err != nil {
			return nil, err
		}
		return slices.Concat(scenarios.Through(product, candidate, baselines), scenarios.Mistakes(product)), nil
	}
	list, err := a.scenarios(args)
	if err != nil {
		return nil, err
	}
	var out []scenarios.Scenario
	for _, s := range list {
		switch {
		case s.Kind != scenarios.KindMistake:
			out = append(out, scenarios.Through(product, candidate, []scenarios.Scenario{s})...)
		case strings.HasPrefix(s.ID, product+"/"): // it starts its product by itself
			out = append(out, s)
		}
	}
	return out, nil
}
