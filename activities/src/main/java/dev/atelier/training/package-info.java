/** Trains one model: its draws, its losses, its loop, its checkpoints. */
package dev.atelier.training;
