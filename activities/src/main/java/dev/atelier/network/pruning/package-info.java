/** Which channels of a network belong together, and a smaller network of the best of them. */
package dev.atelier.network.pruning;
