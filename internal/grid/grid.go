// Package grid sends telling requests, byte for byte, through several reverse proxies and shows what the server behind them received
// and what the client got: where they agree, and where not.
package grid
