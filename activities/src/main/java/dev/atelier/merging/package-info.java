/** Joins students into fewer ones and looks for better schedules of who is asked when. */
package dev.atelier.merging;
