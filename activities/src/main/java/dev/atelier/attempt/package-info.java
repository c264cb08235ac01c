/** An attempt at a model: what it trains, its checkpoints, and what the history hears of it. */
package dev.atelier.attempt;
