// Ctrl-C as a wish to stop soon, not as a blow.
#pragma once

namespace coopnets {

// From here on the first SIGINT or SIGTERM only makes interrupted() true, for the program to finish its iteration and
// write a checkpoint; the second one ends it at once.
void catch_interrupts();

bool interrupted();

}  // namespace coopnets
