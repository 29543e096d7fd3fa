#pragma once
// A program of ours as a child: started, listened to line by line, ended.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tocsin::bench {

class Child {
 public:
  // words[0] is the program; its stdout and stderr are one pipe to us.
  explicit Child(const std::vector<std::string>& words);
  ~Child();  // SIGTERM, and waits
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next line that holds `text`; aborts with what the child last said when it ends first.
  std::string await_line(const std::string& text);
  // SIGTERM, and its exit status.
  int end();
  // Most memory it ever held, in bytes (VmHWM).
  std::uint64_t peak_rss() const;
  // CPU seconds so far, all threads.
  double cpu_seconds() const;

 private:
  std::string name_;
  pid_t pid_ = -1;
  int output_ = -1;
  std::string buffered_;
};

// Runs it to its end; aborts when it fails.
void run_program(const std::vector<std::string>& words);

}  // namespace tocsin::bench
