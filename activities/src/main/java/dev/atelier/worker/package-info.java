/**
 * The worker program: its settings and queues, adapters of the workflows' activities, and what
 * becomes of them when a process ends.
 */
package dev.atelier.worker;
