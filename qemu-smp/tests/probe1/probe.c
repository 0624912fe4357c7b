// SPDX-License-Identifier: MIT OR Apache-2.0
typedef unsigned long W; typedef unsigned char B;
static inline void sys(W n,W*rdi,W*rsi,W*m,W rep,W r13v){
 register W r10 asm("r10")=m[0],r8 asm("r8")=m[1],r9 asm("r9")=m[2],r15 asm("r15")=m[3],r12 asm("r12")=rep,r13 asm("r13")=r13v;
 asm volatile("movq %%rsp,%%rbx\n syscall\n movq %%rbx,%%rsp\n":"+D"(*rdi),"+S"(*rsi),"+r"(r10),"+r"(r8),"+r"(r9),"+r"(r15):"d"(n),"r"(r12),"r"(r13):"rcx","rbx","r11","memory");
 m[0]=r10;m[1]=r8;m[2]=r9;m[3]=r15;}
static void pc(char c){W d=(B)c,s=0,m[4]={0};sys(-12L,&d,&s,m,0,0);}
static void ps(const char*s){while(*s)pc(*s++);}
static void px(W v){ps("0x");int st=0;for(int i=60;i>=0;i-=4){int n=(v>>i)&15;if(n||st||!i){st=1;pc("0123456789abcdef"[n]);}}}
static void pl(const char*s,W v){ps(s);ps("=");px(v);ps("\n");}
static W*ipc;
static W mi(W l,W x,W n){return l<<12|x<<7|n;}
static W call(W c,W l,W nx,W n,W*a,W*caps){for(W i=4;i<n;i++)ipc[1+i]=a[i];for(W i=0;i<nx;i++)ipc[122+i]=caps[i];
 W m[4]={0,0,0,0};for(W i=0;i<4&&i<n;i++)m[i]=a[i];W d=c,s=mi(l,nx,n);sys(-1L,&d,&s,m,0,0);
 ps("  -> label=");px(s>>12);ps(" len=");px(s&127);ps(" x=");px((s>>7)&31);ps(" badge=");px(d);for(int i=0;i<4;i++){ps(" m");pc('0'+i);pc('=');px(m[i]);}
 if((s&127)>4){ps(" m4=");px(ipc[5]);}ps("\n");return s;}
#define C(desc,cap,label,nx,n,...) do{ps(desc);W a_[]={__VA_ARGS__};call(cap,label,nx,n,a_,xc);}while(0)
void cmain(W*regs,W*bi){
 ps("\n==REGS==\n");static const char*nm[]={"rdi","rsi","rax","rbx","rcx","rdx","rbp","r8","r9","r10","r11","r12","r13","r14","r15","rsp","flags","cs","ss"};
 for(int i=0;i<19;i++)pl(nm[i],regs[i]);
 ps("==BI==\n");for(int i=0;i<23;i++){px(i*8);pl("",bi[i]);}
 W us=bi[21],ue=bi[22];for(W i=0;i<ue-us;i++){W*d=bi+23+2*i;px(us+i);ps(" paddr=");px(d[0]);ps(" bits=");px(d[1]&255);ps(" dev=");px((d[1]>>8)&255);ps("\n");}
 ps("==EXTRA==\n");B*e=(B*)bi+4096;W off=0;while(off<bi[0]){W id=*(W*)(e+off),len=*(W*)(e+off+8);px(off);ps(" id=");px(id);ps(" len=");px(len);if(id==5){pl(" mhz",*(unsigned*)(e+off+16));}if(id==2)pl(" mmaplen",*(unsigned*)(e+off+16));ps("\n");off+=len;if(!len)break;}
 ipc=(W*)bi[4];
 ps("==CAPS==\n");W last=bi[5]+2;for(W i=0;i<last;i++){W d=i,s=0,m[4]={0};sys(-15L,&d,&s,m,0,0);px(i);ps(":");px(d);pc(i%8==7?'\n':' ');}ps("\n");
 W xc[3]={0,0,0};
 W E=bi[5];
 xc[0]=2;
 // find biggest non-device untyped
 W ut=0,best=0,dev=0,devb=0;for(W i=0;i<ue-us;i++){W*d=bi+23+2*i;W b=d[1]&255,dv=(d[1]>>8)&255;if(!dv&&b>best){best=b;ut=us+i;}if(dv&&b>=12&&b<30&&!dev){dev=us+i;devb=b;}}
 ps("ut=");px(ut);ps(" bits=");px(best);ps(" dev=");px(dev);ps(" bits=");px(devb);ps("\n");
 C("retype bad label",ut,2,1,6,1,0,0,0,E,1);
 C("retype short",ut,1,1,5,1,0,0,0,E);
 C("retype type 14",ut,1,1,6,14,0,0,0,E,1);
 C("retype size 64",ut,1,1,6,1,64,0,0,E,1);
 C("retype size 43 cnode",ut,1,1,6,4,43,0,0,E,1);
 C("retype cnode 0",ut,1,1,6,4,0,0,0,E,1);
 C("retype ut 3",ut,1,1,6,0,3,0,0,E,1);
 C("retype sc 6",ut,1,1,6,5,6,0,0,E,1);
 C("retype off big",ut,1,1,6,1,0,0,0,1<<20,1);
 C("retype window 0",ut,1,1,6,1,0,0,0,E,0);
 C("retype window 257",ut,1,1,6,1,0,0,0,E,257);
 C("retype window over",ut,1,1,6,1,0,0,0,8191,2);
 C("retype slot full",ut,1,1,6,1,0,0,0,1,1);
 C("retype nomem",ut,1,1,6,9,0,0,0,E,100);
 C("retype dev tcb",dev,1,1,6,1,0,0,0,E,1);
 C("retype nodedepth 65",ut,1,1,6,1,0,0,65,E,1);
 C("retype nodedepth 64 idx 1 (tcb)",ut,1,1,6,1,0,1,64,E,1);
 C("retype ep",ut,1,1,6,2,0,0,0,E,1);      // E
 C("retype tcb",ut,1,1,6,1,0,0,0,E+1,1);   // E+1
 C("retype ntfn",ut,1,1,6,3,0,0,0,E+2,1);  // E+2
 C("retype sc",ut,1,1,6,5,8,0,0,E+3,1);    // E+3
 C("retype reply",ut,1,1,6,6,0,0,0,E+4,1); // E+4
 C("retype 4k",ut,1,1,6,10,0,0,0,E+5,1);   // E+5
 C("retype pt",ut,1,1,6,12,0,0,0,E+6,1);   // E+6
 C("retype pml4",ut,1,1,6,8,0,0,0,E+7,1);  // E+7
 C("copy unmapped pml4",2,21,1,5,E+10,64,E+7,64,15);
 C("copy unmapped pt",2,21,1,5,E+10,64,E+6,64,15);
 C("copy irqcontrol",2,21,1,5,E+10,64,4,64,15);
 C("copy untyped w/ child",2,21,1,5,E+10,64,ut,64,15);
 C("copy empty",2,21,1,5,E+10,64,E+20,64,15);
 C("copy dst full",2,21,1,5,1,64,E,64,15);
 C("copy depth0",2,21,1,5,E+10,0,E,64,15);
 C("copy depth 10",2,21,1,5,E+10,10,E,64,15);
 C("copy depth 52",2,21,1,5,E+10,52,E,64,15);
 C("copy truncated",2,21,1,4,E+10,64,E,64);
 C("mint ep badge",2,22,1,6,E+10,64,E,64,15,7);
 C("mint badged ep again",2,22,1,6,E+11,64,E+10,64,15,9);
 C("mutate ep",2,24,1,5,E+11,64,E,64,7);
 C("mint cnode bad guard",2,22,1,6,E+11,64,2,64,15,60);
 C("cnode label 26",2,26,1,5,E+11,64,E,64,15);
 C("rotate trunc",2,25,1,8,E+11,64,0,E+2,64,0,E,64);
 xc[1]=2;
 C("rotate pivot==src",2,25,2,8,E+11,64,0,E,64,0,E,64);
 C("cancelbadged on ntfn",2,20,0,2,E+2,64);
 C("delete empty",2,19,0,2,E+30,64);
 C("revoke empty",2,18,0,2,E+30,64);
 xc[0]=3;
 C("pt map no PD",E+6,43,1,2,0x40000000000UL,0);
 C("page map no PT",E+5,45,1,3,0x40000000000UL,3,0);
 C("page map hi",E+5,45,1,3,0x7ffffffff000UL,3,0);
 C("page map almost hi",E+5,45,1,3,0x7fffffffe000UL,3,0);
 C("page map align",E+5,45,1,3,0x10000123UL,3,0);
 xc[0]=E+7; C("page map unassigned vspace",E+5,45,1,3,0x10000000UL,3,0);
 C("asidpool assign",6,49,1,0,0);
 C("asidpool assign again",6,49,1,0,0);
 C("page map new vs",E+5,45,1,3,0x10000000UL,3,0);
 C("pml4 invoke",E+7,45,0,0,0);
 C("page getaddr",E+5,47,0,0,0);
 C("page unmap unmapped",E+5,46,0,0,0);
 C("page bad label",E+5,12,0,0,0);
 xc[0]=2;
 C("irqctl get",4,26,1,3,5,E+12,64);
 C("ioapic vec108",4,57,1,7,E+12,64,0,5,0,0,108);
 C("ioapic vec0 id9",4,57,1,7,E+12,64,9,5,0,0,0);
 C("ioapic pin 99",4,57,1,7,E+12,64,0,99,0,0,0);
 C("ioapic level2",4,57,1,7,E+12,64,0,5,2,0,0);
 C("ioapic ok",4,57,1,7,E+12,64,0,5,0,0,107);
 C("ioapic again",4,57,1,7,E+13,64,0,5,0,0,107);
 C("msi bus",4,58,1,7,E+13,64,256,0,0,0,1);
 C("msi ok",4,58,1,7,E+13,64,1,0,0,0,1);
 xc[0]=E; C("irqh setntfn ep",E+12,28,1,0,0);
 C("irqh ack",E+12,27,0,0,0);
 xc[0]=2;
 C("ioport issue rev",7,50,1,4,0x80,0x70,E+14,64);
 C("ioport issue",7,50,1,4,0x70,0x71,E+14,64);
 C("ioport issue overlap",7,50,1,4,0x71,0x72,E+15,64);
 C("ioport in16 oor",E+14,52,0,1,0x71);
 C("ioport in8",E+14,51,0,1,0x71);
 C("ioport in8 short",E+14,51,0,0,0);
 xc[0]=1;
 C("setprio 256",E+1,6,1,1,256);
 C("setprio 1",E+1,6,1,1,1);
 C("tcb readregs count0",E+1,2,0,2,0,0);
 C("tcb readregs 21",E+1,2,0,2,0,21);
 C("tcb readregs 20",E+1,2,0,2,0,20);
 C("tcb readregs self",1,2,0,2,0,20);
 C("tcb writeregs trunc",E+1,3,0,5,0,20,0,0,0);
 C("tcb setflags",E+1,17,0,2,0,3);
 C("tcb bindntfn short",E+1,14,0,0,0);
 xc[0]=E+2; C("tcb bindntfn",E+1,14,1,0,0); C("tcb bindntfn2",E+1,14,1,0,0);
 C("domset 1",11,30,1,1,1);
 C("domset nonthread",11,30,1,1,0);
 C("domsched idx1",11,31,0,3,1,0,1000);
 C("domsched ok idx0 dur0",11,31,0,3,0,0,0);
 C("domsched dom1",11,31,0,3,0,1,0);
 C("domsched dur0 big",11,31,0,3,0,0,1UL<<56);
 C("domstart 1",11,32,0,1,1);
 C("domstart 2",11,32,0,1,2);
 W sctl=bi[19]; pl("schedcontrol",sctl);
 xc[0]=E+3;
 C("sc cfg budget 0",sctl,33,1,5,0,1000,0,5,0);
 C("sc cfg budget 19",sctl,33,1,5,19,1000,0,5,0);
 C("sc cfg budget 20",sctl,33,1,5,20,1000,0,5,0);
 C("sc cfg period 19",sctl,33,1,5,20,19,0,5,0);
 C("sc cfg budget>period",sctl,33,1,5,2000,1000,0,5,0);
 C("sc cfg extra 9",sctl,33,1,5,200,1000,9,5,0);
 C("sc cfg extra 8",sctl,33,1,5,200,1000,8,5,0);
 C("sc cfg huge",sctl,33,1,5,-1UL,1000,8,5,0);
 C("sc cfg trunc",sctl,33,1,4,200,1000,8,5);
 xc[0]=E; C("sc cfg not sc",sctl,33,1,5,200,1000,8,5,0);
 C("sc bind ep",E+3,34,1,0,0);
 C("sc yieldto unbound",E+3,38,0,0,0);
 C("sc consumed own",14,37,0,0,0);
 C("sc unbind own",14,35,0,0,0);
 C("sc yieldto own",14,38,0,0,0);
 C("null cap",0,1,0,0,0);
 C("asidctl makepool not ut",5,48,2,2,E+16,64);
 C("reply invoke idle",E+4,1,0,0,0);
 ps("==DONE==\n"); for(;;);
}
