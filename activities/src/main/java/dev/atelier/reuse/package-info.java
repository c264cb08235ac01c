/** What other experiments have made in the same way, so that nothing is made twice. */
package dev.atelier.reuse;
