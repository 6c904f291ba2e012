// Ctrl-C as a wish to stop soon, not as a blow.
#pragma once

namespace coopnets {

// From here on the first SIGINT, SIGTERM or SIGHUP (where nohup does not ignore it) only makes interrupted() true, for
// the program to finish its iteration and write a checkpoint; a second SIGINT or SIGTERM ends it at once.
void catch_interrupts();

bool interrupted();

// The same wish is another rank's to fulfil, which this one follows to the end.
void ignore_interrupts();

}  // namespace coopnets
